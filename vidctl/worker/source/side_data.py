"""What stands beside a coded picture: how it is turned, how bright it gets, whose decoders it was made for (P).

A phone's HDR10 says how bright it is in its first frame (an SEI message of HEVC) and rarely in the container, so
``first_frame`` asks for what the stream did not say.
"""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from vidctl.worker.source.words import ratio

SIDE_DATA = "rotation,max_luminance,max_content,dv_profile,dv_bl_signal_compatibility_id"
"""What ffprobe is asked for of it."""

BRIGHTEST_NITS = 10_000
"""Where SMPTE ST 2084 ends; no mastering display and no pixel is brighter."""

_DOLBY_ALONE = frozenset({5, 10, 20})
"""Profiles of Dolby Vision that only Dolby's decoders show right, unless they name what else their picture is.

Dolby Vision Profiles and Levels: 5 never does, 10 (AV1) and 20 (MV-HEVC) may; 4, 7, 8 and 9 always are something else.
"""


class SideData(BaseModel):
    """One piece of it as ffprobe prints it, each with only some of these."""

    rotation: float | None = None
    max_luminance: str = ""
    max_content: int = 0
    dv_profile: int | None = None
    dv_bl_signal_compatibility_id: int = 0


class _Frame(BaseModel):
    side_data_list: tuple[SideData, ...] = ()


class _Frames(BaseModel):
    frames: tuple[_Frame, ...] = ()


def first_frame(ffprobe: str, untrusted: tuple[str, ...], path: str, stream_index: int) -> tuple[str, ...]:
    """Return the command that reads what stands beside the first frame, for ``frame_peak_nits``.

    ``untrusted`` are the words that keep ffprobe from opening anything but the file.
    """
    # One packet: the SEI messages stand before the first picture, and a longer read would decode for nothing.
    only = ("-select_streams", str(stream_index), "-read_intervals", "%+#1")
    entries = ("-show_entries", f"frame_side_data={SIDE_DATA}", "-of", "json")
    return (ffprobe, "-hide_banner", "-loglevel", "error", *untrusted, *only, *entries, path)


def frame_peak_nits(text: str) -> float | None:
    """Read ffprobe's answer to ``first_frame``; None if it is none or says nothing of light."""
    try:
        frames = _Frames.model_validate_json(text).frames
    except ValidationError:
        return None
    return peak_nits(tuple(side for frame in frames for side in frame.side_data_list))


def peak_nits(side_data: tuple[SideData, ...]) -> float | None:
    """Return the light of the brightest pixel (CTA-861.3, MaxCLL), or else of the display it was graded on (ST 2086).

    cd/m²; None where neither is said, or neither can be. MaxCLL is 0 where nobody measured it.
    """
    pixel = [float(side.max_content) for side in side_data]
    display = [float(ratio(side.max_luminance)) for side in side_data]
    return next((nits for nits in pixel + display if 0 < nits <= BRIGHTEST_NITS), None)


def dolby_alone(side_data: tuple[SideData, ...]) -> int | None:
    """Return the profile of Dolby Vision that no other decoder shows right; None if there is none."""
    alone = (side for side in side_data if side.dv_profile in _DOLBY_ALONE)
    return next((side.dv_profile for side in alone if not side.dv_bl_signal_compatibility_id), None)
