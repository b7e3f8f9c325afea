"""Holds what was made against what it was made of: every track was decoded whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import assert_never

from vidctl.worker import verify
from vidctl.worker.decoding import Decoding
from vidctl.worker.encode import Encoder
from vidctl.worker.failure import failed, refused
from vidctl.worker.probe import Probe
from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.recipes.recipe import Recipe, SoundTrack
from vidctl.worker.source.ffprobe import Decoded
from vidctl.worker.source.media import AudioStream, Media, VideoStream
from vidctl.worker.tail import Tail
from vidctl.worker.verify import Verdict

_NOTHING = Decoded(codec="", frames=0, width=0, height=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Judges the tracks in ``directory``, which ``decoding`` decodes. ``source`` claims to be ``media``."""

    probe: Probe
    decoding: Decoding
    encoder: Encoder
    source: Path
    media: Media
    recipe: Recipe
    directory: Path

    async def picture(self, rendition: Rendition, tail: Tail) -> Media:
        """Look at a rendition; return what it is.

        Raises:
            Failed: ``verify_failed``; or as ``complete``, if there is no frame in it.

        """
        samples = sum(fragment.samples for fragment in tail.fragments)
        if not samples:
            await self.complete(_output(_NOTHING, 0, start=0.0, lasts=0.0))
            raise failed("verify_failed", f"{tail.name}: ffmpeg wrote no frame")
        copied = self.recipe.copied and rendition == self.recipe.renditions[0]
        decoded = await (self._copied(tail, samples) if copied else self._decoded(tail))
        output = _output(decoded, samples, start=_start(tail), lasts=_seconds(tail))
        fault = verify.picture_fault(rendition, self.recipe.profile.video.codec, decoded, samples)
        if fault is not None:
            raise failed("verify_failed", f"{tail.name}: {fault}")
        return output

    async def sound(self, track: SoundTrack, tail: Tail) -> AudioStream:
        """Look at a sound track; return what it is.

        Raises:
            Failed: ``verify_failed``.

        """
        decoded, samples = await self._decoded(tail), sum(fragment.samples for fragment in tail.fragments)
        fault = verify.sound_fault(decoded, samples)
        if fault is not None:
            raise failed("verify_failed", f"{tail.name}: {fault}")
        return AudioStream(
            index=1,
            codec=decoded.codec,
            channels=track.channels,
            start_seconds=_start(tail),
            duration_seconds=_seconds(tail),
            frames=samples,
        )

    async def complete(self, output: Media, heard: AudioStream | None = None) -> None:
        """Raise if an output lacks anything that the source really holds, or if the source lacks what it claims.

        ``heard`` is the sound track of the source of which the output's was made.

        Raises:
            Failed: ``verify_failed``; or ``corrupt``, if they are short because the source ends early.

        """
        lack = verify.lack(self._wanted(self.media, heard), output)
        if lack is None and verify.claims_frames(self.media):
            return
        source, complaints = await self.probe.decode(self.source)
        if source is not None:
            source = self._wanted(source, heard)
            # What a decoder complains of may be why there is less to hear than was claimed.
            source = source if complaints else await self._as_heard(source, output)
        lack = lack or verify.figures(output)
        match verify.judge(source, output, complaints=bool(complaints)):
            case Verdict.COMPLETE:
                return
            case Verdict.DAMAGED:
                raise refused("corrupt", f"the file is cut off or damaged: {lack}", stderr_tail=complaints)
            case Verdict.LOST:
                raise failed("verify_failed", lack)
            case verdict:
                assert_never(verdict)

    async def _as_heard(self, source: Media, output: Media) -> Media:
        """Correct the claim of a sound that is short of it, by its end as it is decoded."""
        if source.audio is None or not verify.lacks_sound(source, output):
            return source
        return verify.as_heard(source, await self.encoder.sound_end(self.source, source.audio.index))

    def _wanted(self, source: Media, heard: AudioStream | None) -> Media:
        own = tuple(audio for audio in source.audios if heard is not None and audio.index == heard.index)
        rate, source = self.recipe.thinned_to, replace(source, audios=own)
        return source if rate is None else verify.thinned(source, rate / self.media.video.frames_per_second)

    async def _decoded(self, tail: Tail) -> Decoded:
        decoded, complaints = await self.decoding.outcome(tail)
        if decoded is None or complaints:
            raise failed("verify_failed", f"{tail.name} cannot be decoded without errors", stderr_tail=complaints)
        return decoded

    async def _copied(self, tail: Tail, samples: int) -> Decoded:
        """Compare a copy with its source, which was decoded whole before it was copied."""
        video = self.media.video
        copy = await self.encoder.fingerprint(self.directory / f"{tail.name}.mp4", 0)
        if copy != await self.encoder.fingerprint(self.source, video.index):
            raise failed("verify_failed", f"{tail.name} is not what it was copied from")
        return Decoded(codec=video.codec, frames=samples, width=video.width, height=video.height)


def _output(decoded: Decoded, samples: int, *, start: float, lasts: float) -> Media:
    video = VideoStream(
        index=0,
        codec=decoded.codec,
        width=decoded.width,
        height=decoded.height,
        frames=samples,
        decoded_frames=decoded.frames,
        start_seconds=start,
        duration_seconds=lasts,
    )
    return Media(container="mp4", duration_seconds=lasts, streams=1, video=video)


def _start(tail: Tail) -> float:
    """Return the moment at which a track begins to be seen or heard: what an edit list skips comes before 0."""
    return float(max(Fraction(0), Fraction(tail.segments[0].start, tail.init.timescale))) if tail.segments else 0.0


def _seconds(tail: Tail) -> float:
    """Return the time from a track's first moment to its last, without what is skipped before."""
    return float(tail.segments[-1].end_seconds) - _start(tail) if tail.segments else 0.0
