"""What is made of one source: its renditions, sound tracks and texts, and the filters on the way to each (P)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vidctl.worker.recipes import bt709, remux
from vidctl.worker.recipes.ladder import Rendition, ladder
from vidctl.worker.recipes.profile import Profile, VideoProfile
from vidctl.worker.source.media import AudioStream, Media, TextStream, VideoStream

Filters = tuple[str, ...]

_SOON_SECONDS = 0.5
"""How much later than it says a picture may really begin: its first frames may need one that is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundTrack:
    """One track of sound to make, or to take over as it is. ``filters`` set its loudness."""

    name: str
    stream: AudioStream
    channels: int
    filters: Filters = ()
    copied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTrack:
    """One WebVTT file to make."""

    name: str
    stream: TextStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that ffmpeg makes of a source in one run.

    ``filters`` lead from a decoded picture to the first rendition, the largest; each of the others is made from the one
    before it. ``copied`` says that the first is the source's own video, taken over as it is. ``thinned_to`` is the rate
    in frames a second that a faster source is brought down to.
    """

    video: VideoStream
    renditions: tuple[Rendition, ...]
    sounds: tuple[SoundTrack, ...]
    texts: tuple[TextTrack, ...]
    filters: Filters
    profile: Profile
    copied: bool = False
    thinned_to: float | None = None

    @property
    def encoded(self) -> tuple[Rendition, ...]:
        """The renditions that are not copied."""
        return self.renditions[1:] if self.copied else self.renditions


def write(
    media: Media, profile: Profile, *, cube_path: str | None, loudness: tuple[Filters, ...], copied: bool = False
) -> Recipe:
    """Return the recipe for a source.

    ``cube_path`` is the colour table that its picture needs, ``loudness`` the filters of each sound track.
    """
    renditions = chosen(media, profile)
    thinned = thin(media.video.frames_per_second, profile.video.max_frame_rate)
    return Recipe(
        video=media.video,
        renditions=renditions,
        sounds=_sounds(media, profile, loudness),
        texts=tuple(
            TextTrack(name=f"s{number}", stream=stream)
            for number, stream in enumerate(media.texts if profile.subtitles else (), 1)
        ),
        filters=(*_time(media.video, thinned), *_light(media.video, renditions[0], profile.video, cube_path)),
        profile=profile,
        copied=copied,
        thinned_to=thinned,
    )


def chosen(media: Media, profile: Profile) -> tuple[Rendition, ...]:
    """Return the renditions of a source, the best first."""
    renditions = ladder(media, profile.video)
    if profile.stream is None and profile.progressive is not None:
        # Nothing but the one file: only the rung that it is made from.
        return (progressive(renditions, profile.progressive.max_short_side),)
    return renditions


def progressive(renditions: tuple[Rendition, ...], max_short_side: int) -> Rendition:
    """Return the rendition that the one file is made from: the best up to a short side, else the smallest."""
    return next((r for r in renditions if r.short_side <= max_short_side), renditions[-1])


def thin(frames_per_second: float, limit: float) -> float | None:
    """Return the frame rate to bring a video down to, an even share of its own; None if it is slow enough."""
    # A rate of 59.94 or 60.003 is meant to be 60.
    if frames_per_second <= limit * 1.01:
        return None
    return frames_per_second / math.ceil(frames_per_second / (limit * 1.01))


def keeps_hdr(video: VideoStream, profile: VideoProfile) -> bool:
    """Whether a picture stays HDR."""
    return profile.hdr == "keep" and video.hdr


def _sounds(media: Media, profile: Profile, loudness: tuple[Filters, ...]) -> tuple[SoundTrack, ...]:
    taken = media.audios[: profile.audio.max_tracks]
    filters = (*loudness, *[()] * (len(taken) - len(loudness)))
    return tuple(
        SoundTrack(
            name=f"a{number}",
            stream=stream,
            channels=min(stream.channels, profile.audio.max_channels),
            filters=wanted,
            copied=profile.copy_fitting and not wanted and remux.sound_fits(stream, profile.audio),
        )
        for number, (stream, wanted) in enumerate(zip(taken, filters, strict=True), 1)
    )


def _time(video: VideoStream, thinned: float | None) -> Filters:
    fields = ("bwdif=mode=send_frame:deint=interlaced",) if video.interlaced else ()
    fewer = (f"fps={thinned:.6g}",) if thinned is not None else ()
    # A picture that comes later than the sound shows its first frame until then: players stall on a gap.
    # N begins anew where the picture changes its size, hence the time.
    late = f"lt(T\\,{max(video.start_seconds, 0.0) + _SOON_SECONDS:g})"
    return (*fields, *fewer, rf"setpts=if(eq(N\,0)*{late}\,0\,PTS)")


def _light(video: VideoStream, first: Rendition, profile: VideoProfile, cube_path: str | None) -> Filters:
    if keeps_hdr(video, profile):
        scale = f"scale={first.width}:{first.height}:flags=bicubic:out_range=tv"
        return (scale, "setsar=1", "format=yuv420p10le")
    return (*bt709.filters(video, width=first.width, height=first.height, cube_path=cube_path), "setsar=1")
