"""Publishes the segments of all tracks while ffmpeg still makes them, and at the end what players read of them."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path

import langcodes

from vidctl.groups import TaskGroup
from vidctl.worker.cmaf import captions, dash, hls, tracks
from vidctl.worker.cmaf.segments import Segment
from vidctl.worker.cmaf.tracks import AudioTrack, Presentation, VideoTrack
from vidctl.worker.decoding import Decoding
from vidctl.worker.failure import failed
from vidctl.worker.publish import Publish
from vidctl.worker.recipes.recipe import Recipe, SoundTrack, TextTrack
from vidctl.worker.tail import Tail

EVERY_SECONDS = 1.0
"""Time between two looks for new segments."""


class Stream:
    """The adaptive stream of one attempt. ``uploads`` segments go up at once, which is also what it needs of memory."""

    def __init__(self, recipe: Recipe, directory: Path, *, publish: Publish, uploads: int) -> None:
        self._recipe = recipe
        self._directory = directory
        self._publish = publish
        self._free = asyncio.Semaphore(uploads)
        self._published: dict[str, bytes] = {}
        self._captions: dict[str, frozenset[str]] = {}
        # What is copied was decoded before.
        self._copied = recipe.renditions[0].name if recipe.copied else None
        stream, video = recipe.profile.stream, recipe.profile.video
        seconds = stream.segment_seconds if stream is not None else video.keyframe_seconds
        target = Fraction(seconds).limit_denominator(1000)
        self.videos = [(r, Tail(directory / f"{r.name}.mp4", target=target)) for r in recipe.renditions]
        leader = self.videos[0][1]
        self.audios = [(s, Tail(directory / f"{s.name}.mp4", target=target, leader=leader)) for s in recipe.sounds]
        self.texts = list(recipe.texts)

    @property
    def tails(self) -> list[Tail]:
        """All tracks, those first that others follow."""
        return [*(tail for _, tail in self.videos), *(tail for _, tail in self.audios)]

    async def follow(self, ended: asyncio.Event, decoding: Decoding) -> None:
        """Publish and decode what becomes whole until ffmpeg has ended; raises as ``Publish.small``."""
        while not ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await ended.wait()
            for tail in self.tails:
                await self._take(tail, await asyncio.to_thread(tail.read), decoding)

    async def finish(self, decoding: Decoding) -> None:
        """Take the rest, now that ffmpeg has ended. Sound and text that turned out to hold nothing are left out.

        Raises:
            Failed: ``verify_failed`` or ``bad_fragments`` for what ffmpeg did not write whole.
            WorldError: the store did not take it.

        """
        for tail in self.tails:
            await self._take(tail, await asyncio.to_thread(tail.finish), decoding)
        decoding.end()
        for _, tail in self.audios:
            if not tail.segments:
                tail.close()
        self.audios = [(sound, tail) for sound, tail in self.audios if tail.segments]
        self.texts = [text for text in self.texts if await asyncio.to_thread(self._says_anything, text)]

    async def check(self) -> None:
        """Hold what was published against the files, which are decoded: the same bytes, or a failed attempt.

        Raises:
            Failed: ``verify_failed``.

        """
        if self._recipe.profile.stream is None:
            return
        for tail in self.tails:
            for segment in tail.segments:
                name = f"{tracks.STREAM}/{tail.name}/{segment.name}"
                if self._published.get(name) != await asyncio.to_thread(_digest, tail, segment):
                    raise failed("verify_failed", f"{name} was not published as it was made")

    async def describe(self) -> Presentation:
        """Publish the first segments and the playlists; return what they tell of."""
        for tail in self.tails:
            await self._small(f"{tracks.STREAM}/{tail.name}/{tracks.INIT}", tail.init.content)
        presentation = await asyncio.to_thread(self._presentation)
        for text in presentation.texts:
            body = await asyncio.to_thread((self._directory / f"{text.folder}.vtt").read_bytes)
            await self._small(f"{tracks.STREAM}/{text.folder}/{tracks.SUBTITLES}", body)
        for name, playlist in hls.playlists(presentation).items():
            await self._small(name, playlist.encode())
        await self._small(dash.MANIFEST, dash.manifest(presentation).encode())
        return presentation

    def close(self) -> None:
        """Let go of the files."""
        with ExitStack() as stack:
            for tail in self.tails:
                stack.callback(tail.close)

    async def _take(self, tail: Tail, segments: list[Segment], decoding: Decoding) -> None:
        if tail.name != self._copied:
            decoding.take(tail, segments)
        if self._recipe.profile.stream is None:
            return
        async with TaskGroup() as group:
            for segment in segments:
                group.create_task(self._segment(tail, segment))

    async def _segment(self, tail: Tail, segment: Segment) -> None:
        async with self._free:
            body = await asyncio.to_thread(tail.body, segment)
            name = f"{tracks.STREAM}/{tail.name}/{segment.name}"
            self._published[name] = hashlib.sha256(body).digest()
            self._captions[tail.name] = self._captions.get(tail.name, frozenset()) | captions.channels(body)
            await self._small(name, body)

    async def _small(self, name: str, body: bytes) -> None:
        await self._publish.small(name, body)

    def _presentation(self) -> Presentation:
        videos = tuple(self._video(tail) for _, tail in self.videos)
        seconds = max(video.segments[-1].end_seconds for video in videos)
        return Presentation(
            videos=videos,
            audios=tuple(_audio(tail, sound, default=not place) for place, (sound, tail) in enumerate(self.audios)),
            texts=tuple(self._text(text, seconds) for text in self.texts),
            captions=captions.told(self._captions.get(tail.name, frozenset()) for _, tail in self.videos),
        )

    def _video(self, tail: Tail) -> VideoTrack:
        shortest = min(fragment.shortest for fragment in tail.fragments)
        fastest = Fraction(self._recipe.profile.video.max_frame_rate).limit_denominator(1001)
        rate = Fraction(tail.init.timescale, max(shortest, 1))
        segments = tuple(tail.segments)
        return VideoTrack(folder=tail.name, picture=tail.init.picture, segments=segments, frame_rate=min(rate, fastest))

    def _says_anything(self, text: TextTrack) -> bool:
        path = self._directory / f"{text.name}.vtt"
        return path.exists() and "-->" in path.read_text(errors="replace")

    def _text(self, text: TextTrack, seconds: Fraction) -> tracks.TextTrack:
        return tracks.TextTrack(
            folder=text.name,
            seconds=seconds,
            size_bytes=(self._directory / f"{text.name}.vtt").stat().st_size,
            name=text.stream.title or text.stream.language or "Subtitles",
            language=_language(text.stream.language),
            forced=text.stream.forced,
        )


def _digest(tail: Tail, segment: Segment) -> bytes:
    return hashlib.sha256(tail.body(segment)).digest()


def _audio(tail: Tail, sound: SoundTrack, *, default: bool) -> AudioTrack:
    return AudioTrack(
        folder=tail.name,
        sound=tail.init.sound,
        segments=tuple(tail.segments),
        name=sound.stream.title or sound.stream.language or "Sound",
        language=_language(sound.stream.language),
        default=default,
    )


def _language(code: str) -> str:
    """Return the BCP 47 tag of an ISO 639-2 code, which is shorter where there is one of two letters."""
    return langcodes.standardize_tag(code) if code else tracks.UNDETERMINED
