"""What ffprobe prints of a file, read into ``Media`` (P)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from vidctl.worker.failure import refused
from vidctl.worker.source.media import AudioStream, Media, TextStream, VideoStream
from vidctl.worker.source.side_data import SIDE_DATA, SideData, dolby_alone, peak_nits
from vidctl.worker.source.words import ratio, said

ENTRIES = (
    "format=format_name,duration,start_time,nb_streams"
    ":stream=index,codec_type,codec_name,profile,bit_rate,sample_rate,start_time,width,height,sample_aspect_ratio,pix_fmt,field_order,avg_frame_rate,"
    "duration,nb_frames,nb_read_frames,nb_read_packets,channels,color_transfer,color_primaries,color_space"
    f":stream_disposition=attached_pic,default,forced:stream_tags=rotate,language,title:stream_side_data={SIDE_DATA}"
)
"""What ``parse`` needs of ffprobe (``-show_entries``), and nothing that the file could make arbitrarily long."""

_INTERLACED = frozenset({"tt", "bb", "tb", "bt"})
_UNDECODABLE = frozenset({"", "none", "unknown"})
_TEXTS = frozenset({"mov_text", "webvtt", "subrip", "text", "ass", "ssa", "ttml"})
_UNSHOWN_MATRICES = frozenset({"ictcp", "ipt-c2"})
"""What ffmpeg names but does not turn into RGB: it would be shown as YCbCr, in the wrong colours throughout."""


class _Disposition(BaseModel):
    attached_pic: int = 0
    default: int = 0
    forced: int = 0


class _Tags(BaseModel):
    rotate: str = ""
    language: str = ""
    title: str = ""


class _Stream(BaseModel):
    index: int = 0
    codec_type: str = ""
    codec_name: str = ""
    profile: str = ""
    bit_rate: int = 0
    sample_rate: int = 0
    start_time: float = 0.0
    width: int = 0
    height: int = 0
    sample_aspect_ratio: str = ""
    pix_fmt: str = ""
    field_order: str = ""
    avg_frame_rate: str = ""
    duration: float | None = None
    nb_frames: int | None = None
    nb_read_frames: int | None = None
    nb_read_packets: int | None = None
    channels: int = 0
    color_transfer: str = ""
    color_primaries: str = ""
    color_space: str = ""
    disposition: _Disposition = _Disposition()
    tags: _Tags = _Tags()
    side_data_list: tuple[SideData, ...] = ()


class _Format(BaseModel):
    format_name: str = ""
    start_time: float = 0.0
    duration: float | None = None
    nb_streams: int = 0


class _Probed(BaseModel):
    streams: tuple[_Stream, ...] = ()
    format: _Format = Field(default_factory=_Format)


def parse(text: str) -> Media:
    """Read ffprobe's answer to ``ENTRIES``.

    Of several pictures the largest is taken: phones add a thumbnail track. Cover art is no video. Sound tracks that few
    programs decode, such as a phone's spatial one, and subtitles that are pictures are left out.

    Raises:
        Failed: ``corrupt``, ``no_video_stream`` or ``unsupported_codec``.

    """
    try:
        probed = _Probed.model_validate_json(text)
    except ValidationError as error:
        raise refused("corrupt", f"the file's structure cannot be read: {_first_fault(error)}") from error
    pictures = [s for s in probed.streams if s.codec_type == "video" and not s.disposition.attached_pic]
    if not pictures:
        raise refused("no_video_stream", f"the file has no video stream, only: {_kinds(probed)}")
    decodable = [stream for stream in pictures if stream.codec_name not in _UNDECODABLE]
    if not decodable:
        raise refused("unsupported_codec", "the codec of the video stream is not known")
    chosen = max(decodable, key=lambda stream: stream.width * stream.height)
    _refuse_unshowable(chosen)
    begins = probed.format.start_time
    video = _video(chosen, begins)
    return Media(
        container=probed.format.format_name,
        duration_seconds=probed.format.duration or video.duration_seconds or 0.0,
        streams=max(probed.format.nb_streams, len(probed.streams)),
        video=video,
        audios=_sounds([stream for stream in probed.streams if stream.codec_type == "audio"], begins),
        texts=tuple(_text(s) for s in probed.streams if s.codec_type == "subtitle" and s.codec_name in _TEXTS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A file of one track, decoded whole: how many frames came of it, and what they are."""

    codec: str
    frames: int
    width: int = 0
    height: int = 0
    pixel_format: str = ""


def parse_track(text: str) -> Decoded | None:
    """Read ffprobe's answer to ``command.decode_track``; None for anything but one track."""
    try:
        streams = _Probed.model_validate_json(text).streams
    except ValidationError:
        return None
    if len(streams) != 1:
        return None
    (track,) = streams
    return Decoded(
        codec=track.codec_name,
        frames=track.nb_read_frames or 0,
        width=track.width,
        height=track.height,
        pixel_format=track.pix_fmt,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """The packets of a picture: how many, whether any is decoded but not shown, and when it begins anew, in seconds."""

    count: int
    discarded: bool
    keyframes: tuple[float, ...]


def parse_packets(lines: Iterable[str]) -> Packets:
    """Read ffprobe's answer to ``command.packets``: lines of seconds and flags (K: keyframe, D: discarded)."""
    found = [line.rstrip(",").split(",") for line in lines if line]
    keyframes = sorted(float(fields[0]) for fields in found if "K" in fields[-1] and fields[0] != "N/A")
    discarded = any("D" in fields[-1] for fields in found)
    return Packets(count=len(found), discarded=discarded, keyframes=tuple(keyframes))


def _video(stream: _Stream, begins: float) -> VideoStream:
    return VideoStream(
        index=stream.index,
        codec=stream.codec_name,
        profile=stream.profile,
        bit_rate=stream.bit_rate,
        start_seconds=stream.start_time - begins,
        width=stream.width,
        height=stream.height,
        sample_aspect=ratio(stream.sample_aspect_ratio) or Fraction(1),
        rotation_degrees=_rotation(stream),
        transformed=bool(stream.tags.rotate) or any(side.rotation is not None for side in stream.side_data_list),
        frames_per_second=round(float(ratio(stream.avg_frame_rate)), 3),
        duration_seconds=stream.duration,
        frames=stream.nb_frames or stream.nb_read_packets,
        decoded_frames=stream.nb_read_frames,
        interlaced=stream.field_order in _INTERLACED,
        pixel_format=stream.pix_fmt,
        transfer=said(stream.color_transfer),
        primaries=said(stream.color_primaries),
        matrix=said(stream.color_space),
        peak_nits=peak_nits(stream.side_data_list),
    )


def _refuse_unshowable(stream: _Stream) -> None:
    """Refuse a picture that ffmpeg decodes into the wrong colours."""
    if (profile := dolby_alone(stream.side_data_list)) is not None:
        detail = f"the video is Dolby Vision of profile {profile}, which only Dolby's decoders show right"
        raise refused("unsupported_codec", f"{detail}: export it as HDR10, HLG or SDR")
    if stream.color_space in _UNSHOWN_MATRICES:
        raise refused(
            "unsupported_codec", f"the colours of the video are coded as {stream.color_space}: export it as HDR10"
        )


def _sounds(streams: list[_Stream], begins: float) -> tuple[AudioStream, ...]:
    """Return the sound tracks, that first which a player would play: the one that the file switches on."""
    played = sorted((s for s in streams if _plays(s)), key=lambda s: (not s.disposition.default, s.index))
    if not played and any(stream.nb_frames for stream in streams):
        # Published without its sound it would be silently wrong.
        raise refused("unsupported_codec", "the codec of the sound is not known")
    return tuple(_audio(stream, begins) for stream in played)


def _audio(stream: _Stream, begins: float) -> AudioStream:
    return AudioStream(
        index=stream.index,
        codec=stream.codec_name,
        profile=stream.profile,
        bit_rate=stream.bit_rate,
        sample_rate=stream.sample_rate,
        start_seconds=stream.start_time - begins,
        channels=stream.channels,
        language=_language(stream.tags.language),
        title=stream.tags.title,
        duration_seconds=stream.duration,
        frames=stream.nb_frames or stream.nb_read_packets,
        decoded_frames=stream.nb_read_frames,
    )


def _text(stream: _Stream) -> TextStream:
    return TextStream(
        index=stream.index,
        codec=stream.codec_name,
        language=_language(stream.tags.language),
        title=stream.tags.title,
        forced=bool(stream.disposition.forced),
    )


def _language(tag: str) -> str:
    """Return the language that a track says it has; nothing for one that does not know."""
    return tag if re.fullmatch("[a-z]{3}", tag) and tag != "und" else ""


def _plays(stream: _Stream) -> bool:
    return stream.codec_name not in _UNDECODABLE and stream.channels > 0


def _rotation(stream: _Stream) -> int:
    # A display matrix turns counter-clockwise, the older tag clockwise.
    turned = next((side.rotation for side in stream.side_data_list if side.rotation is not None), None)
    if turned is not None:
        return round(-turned) % 360
    return int(stream.tags.rotate) % 360 if stream.tags.rotate.lstrip("-").isdecimal() else 0


def _kinds(probed: _Probed) -> str:
    return ", ".join("cover art" if s.disposition.attached_pic else s.codec_type for s in probed.streams) or "nothing"


def _first_fault(error: ValidationError) -> Any:
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
