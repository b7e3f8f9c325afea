"""Makes of the tracks what is published beside their segments: playlists, one file, sound, poster, storyboard.

It is made while the tracks are verified, which may hold anything until then, or nothing; and uploaded once they are.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidctl.groups import TaskGroup, first_error
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
    """Works in ``directory`` on the tracks of ``stream``; uploads what it makes as soon as they are ``verified``."""

    encoder: Encoder
    stream: Stream
    publish: Publish
    profile: Profile
    directory: Path
    verified: asyncio.Event

    async def __call__(self) -> None:
        """Make and upload all that the profile asks for, each beside the others.

        Raises:
            Failed: ffmpeg could not make it. WorldError: the store did not take it.

        """
        sound = self.stream.audios[0][1].name if self.stream.audios else None
        with first_error():
            async with TaskGroup() as group:
                if self.profile.stream is not None:
                    group.create_task(self._describe())
                if self.profile.progressive is not None:
                    group.create_task(self._progressive(self.profile.progressive.max_short_side, sound))
                if self.profile.audio_only and sound is not None:
                    group.create_task(self._sound(sound))
                if self.profile.poster:
                    group.create_task(self._poster(*self.stream.videos[0]))
                if self.profile.storyboard is not None:
                    group.create_task(self._storyboard(self.profile.storyboard))

    async def _describe(self) -> None:
        await self.verified.wait()
        await self.stream.describe()

    async def _sound(self, sound: str) -> None:
        argv = command.sound_alone(self.encoder.ffmpeg, self._path(f"{sound}.mp4"), target=self._path(AUDIO))
        await self.encoder.make(argv)
        await self._upload(self.directory / AUDIO)

    async def _progressive(self, max_short_side: int, sound: str | None) -> None:
        chosen = recipe.progressive(tuple(rendition for rendition, _ in self.stream.videos), max_short_side)
        picture, target = self._path(f"{chosen.name}.mp4"), self._path(VIDEO)
        argv = command.join(
            self.encoder.ffmpeg, picture, self._path(f"{sound}.mp4") if sound is not None else None, target=target
        )
        await self.encoder.make(argv)
        await self._upload(self.directory / VIDEO)

    async def _poster(self, rendition: Rendition, tail: Tail) -> None:
        """Publish the still of which the JPEG is largest: black, a fade and a title card take few bytes."""
        end = tail.end_seconds
        stills = [self.directory / f"still{number}.jpg" for number in range(len(CANDIDATES))]
        argv = command.stills(
            self.encoder.ffmpeg,
            self._path(f"{rendition.name}.mp4"),
            at_seconds=tuple(float(end * share) for share in CANDIDATES),
            targets=tuple(map(str, stills)),
        )
        await self.encoder.make(argv)
        await self._upload(await asyncio.to_thread(_largest, stills, self.directory / POSTER))

    async def _storyboard(self, profile: Storyboard) -> None:
        rendition, tail = self.stream.videos[-1]
        end = tail.end_seconds
        moments = [Fraction(f.start + tail.init.shift, tail.init.timescale) for f in tail.fragments]
        board = storyboard.layout(profile, keyframes=moments, end=end, size=(rendition.width, rendition.height))
        folder = self.directory / storyboard.FOLDER
        await asyncio.to_thread(folder.mkdir)
        source, target = self._path(f"{rendition.name}.mp4"), str(folder / storyboard.SHEET)
        argv = command.sheets(
            self.encoder.ffmpeg, source, every=board.every, size=board.size, tiles=board.tiles, target=target
        )
        await self.encoder.make(argv)
        await self.verified.wait()
        for number in range(1, board.sheets + 1):
            sheet = folder / (storyboard.SHEET % number)
            body = await asyncio.to_thread(_read, sheet)
            await self.publish.small(f"{storyboard.FOLDER}/{sheet.name}", body)
        await self.publish.small(storyboard.TEXT, storyboard.text(board).encode())

    async def _upload(self, path: Path) -> None:
        await self.verified.wait()
        await self.publish.file(path)

    def _path(self, name: str) -> str:
        return str(self.directory / name)


def _largest(stills: list[Path], target: Path) -> Path:
    there = [still for still in stills if still.is_file()]
    if not there:
        # Whether it is the input's fault is for verification to say, which is believed first.
        raise failed("poster_failed", "ffmpeg found no frame for the poster")
    return max(there, key=lambda still: still.stat().st_size).rename(target)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise failed("storyboard_failed", f"ffmpeg did not write {path.name}") from error
