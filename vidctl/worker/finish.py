"""Makes of the verified tracks what is published beside the stream: one file, sound alone, poster, storyboard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidctl.worker.encode import Encoder
from vidctl.worker.failure import failed
from vidctl.worker.ffmpeg import command
from vidctl.worker.publish import Publish
from vidctl.worker.recipes import recipe, storyboard
from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.recipes.profile import Profile, Storyboard
from vidctl.worker.stream import Stream
from vidctl.worker.tail import Tail

VIDEO, AUDIO, POSTER = "video.mp4", "audio.m4a", "poster.jpg"

CANDIDATES = (Fraction(1, 10), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
"""The moments, as shares of a video, of which the poster is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Works in ``directory`` on the tracks of ``stream``, and publishes what it makes."""

    encoder: Encoder
    stream: Stream
    publish: Publish
    profile: Profile
    directory: Path

    async def __call__(self) -> None:
        """Make and publish all that the profile asks for.

        Raises:
            Failed: ffmpeg could not make it. WorldError: the store did not take it.

        """
        sound = self.stream.audios[0][1].name if self.stream.audios else None
        if self.profile.progressive is not None:
            await self._progressive(self.profile.progressive.max_short_side, sound)
        if self.profile.audio_only and sound is not None:
            argv = command.sound_alone(self.encoder.ffmpeg, self._path(f"{sound}.mp4"), target=self._path(AUDIO))
            await self.encoder.make(argv)
            await self.publish.file(self.directory / AUDIO)
        if self.profile.poster:
            await self.publish.file(await self._poster(*self.stream.videos[0]))
        if self.profile.storyboard is not None:
            await self._storyboard(self.profile.storyboard)

    async def _progressive(self, max_short_side: int, sound: str | None) -> None:
        chosen = recipe.progressive(tuple(rendition for rendition, _ in self.stream.videos), max_short_side)
        picture, target = self._path(f"{chosen.name}.mp4"), self._path(VIDEO)
        argv = command.join(
            self.encoder.ffmpeg, picture, self._path(f"{sound}.mp4") if sound is not None else None, target=target
        )
        await self.encoder.make(argv)
        await self.publish.file(self.directory / VIDEO)

    async def _poster(self, rendition: Rendition, tail: Tail) -> Path:
        """Return the still of which the JPEG is largest: black, a fade and a title card take few bytes."""
        end = tail.segments[-1].end_seconds
        stills: list[Path] = []
        for number, share in enumerate(CANDIDATES):
            still = self.directory / f"still{number}.jpg"
            source = self._path(f"{rendition.name}.mp4")
            argv = command.still(
                self.encoder.ffmpeg, source, at_seconds=float(end * share), target=self._path(still.name)
            )
            await self.encoder.make(argv)
            stills.append(still)
        return await asyncio.to_thread(_largest, stills, self.directory / POSTER)

    async def _storyboard(self, profile: Storyboard) -> None:
        rendition, tail = self.stream.videos[-1]
        moments = [Fraction(f.start + tail.init.shift, tail.init.timescale) for f in tail.fragments]
        end = tail.segments[-1].end_seconds
        board = storyboard.layout(profile, keyframes=moments, end=end, size=(rendition.width, rendition.height))
        folder = self.directory / storyboard.FOLDER
        await asyncio.to_thread(folder.mkdir)
        source, target = self._path(f"{rendition.name}.mp4"), str(folder / storyboard.SHEET)
        argv = command.sheets(
            self.encoder.ffmpeg, source, every=board.every, size=board.size, tiles=board.tiles, target=target
        )
        await self.encoder.make(argv)
        for number in range(1, board.sheets + 1):
            sheet = folder / (storyboard.SHEET % number)
            body = await asyncio.to_thread(_read, sheet)
            await self.publish.small(f"{storyboard.FOLDER}/{sheet.name}", body)
        await self.publish.small(storyboard.TEXT, storyboard.text(board).encode())

    def _path(self, name: str) -> str:
        return str(self.directory / name)


def _largest(stills: list[Path], target: Path) -> Path:
    there = [still for still in stills if still.is_file()]
    if not there:
        # The rendition was verified, so whatever this is, it is not the input's fault.
        raise failed("poster_failed", "ffmpeg found no frame for the poster")
    return max(there, key=lambda still: still.stat().st_size).rename(target)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise failed("storyboard_failed", f"ffmpeg did not write {path.name}") from error
