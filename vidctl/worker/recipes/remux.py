"""Whether a track already is what would be made of it, and can be taken over as it is (P)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.recipes.profile import AudioProfile, Profile
from vidctl.worker.source.ffprobe import Packets
from vidctl.worker.source.media import AudioStream, VideoStream

SHORTEST_SECONDS = 0.5
"""Keyframes closer to each other than this make more headers than media."""

LONGEST_SECONDS = 10.0
"""Keyframes further apart than this make seeking a wait, also in a file that is not cut into segments."""

_LATE_SECONDS = 0.05
"""A track that starts later has to be filled up to its start."""

_PROFILES = {
    "h264": frozenset({"Constrained Baseline", "Main", "High"}),
    "hevc": frozenset({"Main", "Main 10"}),
    "av1": frozenset({"Main"}),
}
"""What every decoder of a codec in phones and browsers takes."""

_RATES = frozenset({44_100, 48_000})
_AAC_FRAME = 1024
"""Samples."""

_AUDIO_SLACK = 1.5
"""A track of up to so many times the bits that are wanted is not worth another encoding."""


def picture_fits(video: VideoStream, rendition: Rendition, profile: Profile) -> bool:
    """Whether a picture is coded as the best rendition would be; if it is, ``packets_fit`` decides."""
    wanted = profile.video
    coded = "yuv420p10le" if wanted.hdr == "keep" and video.hdr else "yuv420p"
    size = (video.width, video.height)
    return (
        profile.copy_fitting
        and video.codec == wanted.codec
        and video.profile in _PROFILES[wanted.codec]
        and video.pixel_format == coded
        and size == (rendition.width, rendition.height)
        and video.sample_aspect == 1
        and not video.transformed
        and not video.interlaced
        and video.start_seconds <= _LATE_SECONDS
        and 0 < video.bit_rate <= rendition.max_bitrate
        and video.frames_per_second <= wanted.max_frame_rate * 1.01
    )


def packets_fit(packets: Packets, video: VideoStream, profile: Profile) -> bool:
    """Whether all that a picture is coded of is shown, and can be cut at its keyframes.

    An edit list that leaves frames out, or shows them in another order, is not taken over with them.
    """
    shown = video.frames is not None and packets.count == video.frames and not packets.discarded
    return shown and _keyframes_fit(packets.keyframes, video.duration_seconds or 0.0, profile)


def _keyframes_fit(keyframes: Sequence[float], seconds: float, profile: Profile) -> bool:
    """Whether keyframes at these seconds make segments about as long as wanted."""
    if not keyframes or abs(keyframes[0]) > _LATE_SECONDS:
        return False
    longest = LONGEST_SECONDS if profile.stream is None else profile.stream.segment_seconds
    gaps = [after - before for before, after in pairwise((*keyframes, seconds))]
    return max(gaps) <= longest and all(gap >= SHORTEST_SECONDS for gap in gaps[:-1])


def sound_fits(audio: AudioStream, profile: AudioProfile) -> bool:
    """Whether a sound track is coded as wanted. Its loudness is another question."""
    return (
        (audio.codec, audio.profile) == ("aac", "LC")
        and audio.channels <= profile.max_channels
        and audio.sample_rate in _RATES
        and audio.start_seconds <= _LATE_SECONDS
        and 0 < audio.bit_rate <= _AUDIO_SLACK * profile.bitrate
        and _is_whole(audio)
    )


def _is_whole(audio: AudioStream) -> bool:
    """Whether a track of AAC-LC shows all of its frames but those that it begins and ends with."""
    seconds = (audio.frames or 0) * _AAC_FRAME / audio.sample_rate
    return abs(seconds - (audio.duration_seconds or 0.0)) <= 3 * _AAC_FRAME / audio.sample_rate
