"""A profile: which outputs are made of a video, and how well (P). ``docs/profiles.md`` is generated from here.

A profile is YAML. What it leaves out has the default that is written here, which together are the profile
``streaming``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vidctl.errors import InvalidSettings

M = TypeVar("M", bound="_Model")

VideoCodec = Literal["h264", "hevc", "av1"]

# Speed and quality that are worth their time on a small machine: x264 at veryfast makes a ladder of four in real time
# on two cores; the others are set so that they cost about as much, and need half the bits.
_PRESETS: dict[VideoCodec, str] = {"h264": "veryfast", "hevc": "ultrafast", "av1": "10"}
_QUALITIES: dict[VideoCodec, int] = {"h264": 23, "hevc": 26, "av1": 35}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Rung(_Model):
    """One step of the ladder. It is left out of a video that is smaller."""

    short_side: int = Field(
        ge=16, le=4320, multiple_of=2, description="Pixels of the shorter side: 1080 for 1920 x 1080."
    )
    max_bitrate: int = Field(ge=50_000, description="Bits a second that are not exceeded for long.")


_LADDER = (
    Rung(short_side=1080, max_bitrate=6_000_000),
    Rung(short_side=720, max_bitrate=3_200_000),
    Rung(short_side=480, max_bitrate=1_500_000),
    Rung(short_side=360, max_bitrate=800_000),
)


class VideoProfile(_Model):
    """The picture."""

    codec: VideoCodec = Field(default="h264", description="h264 plays everywhere; hevc and av1 need half the bits.")
    preset: str | None = Field(
        default=None,
        pattern="^([a-z]{4,9}|1?[0-9])$",
        description="The encoder's preset; default: veryfast for h264, ultrafast for hevc, 10 for av1.",
    )
    crf: int | None = Field(
        default=None,
        ge=0,
        le=63,
        description="Quality, lower is better; default: 23 for h264, 26 for hevc, 35 for av1.",
    )
    ladder: tuple[Rung, ...] = Field(default=_LADDER, min_length=1, max_length=10, description="Best rung first.")
    max_frame_rate: float = Field(default=60.0, ge=1, le=300, description="Frames a second; a faster video loses some.")
    keyframe_seconds: float = Field(
        default=2.0, ge=0.5, le=10, description="Time between keyframes, same in all rungs."
    )
    hdr: Literal["sdr", "keep"] = Field(
        default="sdr", description="HDR10 and HLG become SDR, or stay what they are (hevc and av1 only)."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.hdr == "keep" and self.codec == "h264":
            raise ValueError("hdr: keep needs codec hevc or av1: nothing plays HDR in h264")
        if any(lower.short_side >= upper.short_side for upper, lower in pairwise(self.ladder)):
            raise ValueError("ladder: every rung must have a shorter short_side than the one before")
        words = self.preset is not None and self.preset.isalpha()
        if self.preset is not None and words == (self.codec == "av1"):
            raise ValueError(f"preset: {self.preset} is not one of {self.codec}'s: a number for av1, else a word")
        return self

    @property
    def speed(self) -> str:
        """The encoder's preset."""
        return self.preset if self.preset is not None else _PRESETS[self.codec]

    @property
    def quality(self) -> int:
        """The encoder's constant rate factor."""
        return self.crf if self.crf is not None else _QUALITIES[self.codec]


class Loudness(_Model):
    """How loud all videos are (EBU R 128)."""

    target: float = Field(default=-16.0, ge=-40, le=-5, description="Integrated loudness in LUFS.")
    ceiling: float = Field(default=-1.5, ge=-9, le=0, description="Highest true peak in dBTP.")


class AudioProfile(_Model):
    """The sound."""

    bitrate: int = Field(default=128_000, ge=16_000, le=512_000, description="Bits a second of a track, AAC-LC.")
    max_channels: Literal[1, 2] = Field(default=2, description="More channels than these are mixed down.")
    max_tracks: int = Field(default=8, ge=1, le=32, description="Further sound tracks are left out.")
    loudness: Loudness | None = Field(default=Loudness(), description="null: as loud as it came.")


class Stream(_Model):
    """Adaptive streaming: CMAF segments, served by HLS and DASH."""

    segment_seconds: float = Field(
        default=6.0, ge=1, le=30, description="Length of a segment, in whole keyframe times."
    )


class Progressive(_Model):
    """One MP4 with picture and sound, which plays while it loads."""

    max_short_side: int = Field(default=1080, ge=16, description="The best rung up to this one is taken.")


class Storyboard(_Model):
    """Small pictures for the seek bar: sheets of them, and a WebVTT file that says where each stands."""

    seconds: float = Field(default=10.0, ge=1, description="Longest time between two; a short video has more of them.")
    width: int = Field(default=160, ge=32, le=640, description="Pixels of one, along its longer side.")
    columns: int = Field(default=5, ge=1, le=20, description="In one row of a sheet.")
    rows: int = Field(default=5, ge=1, le=20, description="Of a sheet.")


class Profile(_Model):
    """What is made of a video. ``null`` or ``false`` leaves an output out."""

    video: VideoProfile = VideoProfile()
    audio: AudioProfile = AudioProfile()
    stream: Stream | None = Field(default=Stream(), description="HLS and DASH.")
    progressive: Progressive | None = Field(default=Progressive(), description="video.mp4.")
    audio_only: bool = Field(default=True, description="audio.m4a.")
    subtitles: bool = Field(default=True, description="Text tracks as WebVTT.")
    poster: bool = Field(default=True, description="poster.jpg.")
    storyboard: Storyboard | None = Field(default=Storyboard(), description="storyboard.vtt and its sheets.")
    copy_fitting: bool = Field(
        default=True, description="Take over a picture as it is, if it already is what the best rung would be."
    )

    @model_validator(mode="after")
    def _plays(self) -> Self:
        if self.stream is None and self.progressive is None:
            raise ValueError("stream and progressive must not both be null: nothing would play")
        if self.stream is not None and self.stream.segment_seconds < self.video.keyframe_seconds:
            raise ValueError("stream.segment_seconds must be at least video.keyframe_seconds")
        return self


def parse(text: str) -> Profile:
    """Read a profile from YAML.

    Raises:
        InvalidSettings: every field that is wrong, by its name, with what would be right.

    """
    try:
        return Profile.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise InvalidSettings(f"profile: no YAML: {error}") from error
    except ValidationError as error:
        faults = (
            f"profile: {'.'.join(str(part) for part in fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_input=False)
        )
        raise InvalidSettings("\n".join(faults)) from error
