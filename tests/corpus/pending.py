"""Inputs of which the worker does not yet make what is intended, and why.

One that is mended fails its test until it is taken out here.
"""

from __future__ import annotations

_ONE_SOUND = "no stream is made yet, in which further sound tracks could be chosen"
_NO_TEXT = "no text tracks are made yet"
_HDR = "HDR is not tone-mapped: the values stay as they are, and 8 bits say that they are HDR"
_AV1 = "the ffmpeg that is used has no decoder for AV1 (libdav1d): its own asks a graphics card"

PENDING: dict[str, str] = {
    "encrypted": "ffprobe does not say that a file is encrypted: the decoder fails, as if the file were damaged",
    "fragment_torn": "fragments do not say beforehand how many frames there should be, and nobody counts those in them",
    "edited_beyond": "an output without a frame counts as the app's fault, before the source was decoded",
    "av1": _AV1,
    "hdr10": _HDR + ", with the source's mastering display",
    "hdr10_bare": _HDR,
    "hlg": _HDR,
    "two_languages": _ONE_SOUND,
    "five_sounds": _ONE_SOUND,
    "subtitled": _NO_TEXT,
    "subtitled_thrice": _NO_TEXT,
    "late_subtitles": _NO_TEXT,
    "keyframe_missing": "frames before the first keyframe count as lost, though no player shows them",
}
