"""What is in a media file, read from ffprobe's JSON, and what of it is refused (P)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from vidctl.records import MediaInfo
from vidctl.worker import words
from vidctl.worker.failure import refused
from vidctl.worker.side_data import SIDE_DATA, SideData, dolby_alone, peak_nits
from vidctl.worker.words import ratio, said

ENTRIES = (
    "format=format_name,duration,nb_streams"
    ":stream=index,codec_type,codec_name,width,height,sample_aspect_ratio,pix_fmt,field_order,avg_frame_rate,"
    "duration,nb_frames,nb_read_frames,channels,color_transfer,color_primaries,color_space"
    f":stream_disposition=attached_pic,default:stream_tags=rotate:stream_side_data={SIDE_DATA}"
)
"""What ``parse`` needs of ffprobe (``-show_entries``), and nothing that the file could make arbitrarily long."""

_INTERLACED = frozenset({"tt", "bb", "tb", "bt"})
_UNDECODABLE = frozenset({"", "none", "unknown"})
_UNSHOWN_MATRICES = frozenset({"ictcp", "ipt-c2"})
"""What ffmpeg names but does not turn into RGB: it would be shown as YCbCr, in the wrong colours throughout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The largest input that is taken."""

    duration_seconds: float
    pixels: int
    streams: int
    frames_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream:
    """The picture of a file. Width and height are as coded; rotation is clockwise and comes after them.

    ``duration_seconds`` and ``frames`` are the container's claims, None where it makes none; ``decoded_frames`` is what
    was really decoded, None where that was not tried. Transfer, primaries and matrix are ffmpeg's words for the code
    points of ITU-T H.273, empty where the file says nothing; ``peak_nits`` is the light (cd/m²) of the brightest pixel,
    None where the container does not say (often the first frame does).
    """

    index: int
    codec: str
    width: int
    height: int
    sample_aspect: Fraction = Fraction(1)
    rotation_degrees: int = 0
    frames_per_second: float = 0.0
    duration_seconds: float | None = None
    frames: int | None = None
    decoded_frames: int | None = None
    interlaced: bool = False
    pixel_format: str = ""
    transfer: str = ""
    primaries: str = ""
    matrix: str = ""
    peak_nits: float | None = None

    @property
    def rgb(self) -> bool:
        """Whether the picture is coded as red, green and blue."""
        return words.is_rgb(self.pixel_format)

    @property
    def bit_depth(self) -> int:
        """Bits of a sample."""
        return words.bit_depth(self.pixel_format)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStream:
    """The sound of a file; claims as in ``VideoStream``."""

    index: int
    codec: str
    channels: int
    duration_seconds: float | None = None
    frames: int | None = None
    decoded_frames: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file with a picture and perhaps sound. ``streams`` counts all that it has, whatever they are."""

    container: str
    duration_seconds: float
    streams: int
    video: VideoStream
    audio: AudioStream | None = None

    def info(self) -> MediaInfo:
        """Return what the Result says of the source."""
        return MediaInfo(
            container=self.container,
            duration_seconds=self.duration_seconds,
            video_codec=self.video.codec,
            width=self.video.width,
            height=self.video.height,
            frames_per_second=self.video.frames_per_second,
            rotation_degrees=self.video.rotation_degrees,
            audio_codec=self.audio.codec if self.audio else None,
            audio_channels=self.audio.channels if self.audio else 0,
        )


class _Disposition(BaseModel):
    attached_pic: int = 0
    default: int = 0


class _Tags(BaseModel):
    rotate: str = ""


class _Stream(BaseModel):
    index: int
    codec_type: str = ""
    codec_name: str = ""
    width: int = 0
    height: int = 0
    sample_aspect_ratio: str = ""
    pix_fmt: str = ""
    field_order: str = ""
    avg_frame_rate: str = ""
    duration: float | None = None
    nb_frames: int | None = None
    nb_read_frames: int | None = None
    channels: int = 0
    color_transfer: str = ""
    color_primaries: str = ""
    color_space: str = ""
    disposition: _Disposition = _Disposition()
    tags: _Tags = _Tags()
    side_data_list: tuple[SideData, ...] = ()


class _Format(BaseModel):
    format_name: str = ""
    duration: float | None = None
    nb_streams: int = 0


class _Probed(BaseModel):
    streams: tuple[_Stream, ...] = ()
    format: _Format = Field(default_factory=_Format)


def parse(text: str) -> Media:
    """Read ffprobe's answer to ``ENTRIES``.

    Of several pictures the largest is taken, of several sound tracks the main one: phones add a thumbnail track and
    a spatial sound track that few programs decode. Cover art is no video.

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
    video = _video(chosen)
    return Media(
        container=probed.format.format_name,
        duration_seconds=probed.format.duration or video.duration_seconds or 0.0,
        streams=max(probed.format.nb_streams, len(probed.streams)),
        video=video,
        audio=_sound([stream for stream in probed.streams if stream.codec_type == "audio"]),
    )


def check(media: Media, limits: Limits) -> None:
    """Refuse what is larger than the limits.

    Raises:
        Failed: ``over_limits``, or ``corrupt`` for a picture without a size.

    """
    width, height = media.video.width, media.video.height
    if width <= 0 or height <= 0:
        raise refused("corrupt", f"the video stream claims a picture of {width} by {height} pixels")
    for what, value, limit in (
        ("seconds", media.duration_seconds, limits.duration_seconds),
        ("pixels in a picture", width * height, limits.pixels),
        ("streams", media.streams, limits.streams),
        ("frames a second", media.video.frames_per_second, limits.frames_per_second),
    ):
        if value > limit:
            raise refused("over_limits", f"the file has {value:g} {what}, and at most {limit:g} are accepted")


def _video(stream: _Stream) -> VideoStream:
    return VideoStream(
        index=stream.index,
        codec=stream.codec_name,
        width=stream.width,
        height=stream.height,
        sample_aspect=ratio(stream.sample_aspect_ratio) or Fraction(1),
        rotation_degrees=_rotation(stream),
        frames_per_second=round(float(ratio(stream.avg_frame_rate)), 3),
        duration_seconds=stream.duration,
        frames=stream.nb_frames,
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


def _sound(streams: list[_Stream]) -> AudioStream | None:
    """Return the sound that a player would play: the one that the file switches on, else the first."""
    played = sorted((s for s in streams if _plays(s)), key=lambda s: (not s.disposition.default, s.index))
    if not played and any(stream.nb_frames for stream in streams):
        # Published without its sound it would be silently wrong.
        raise refused("unsupported_codec", "the codec of the sound is not known")
    return _audio(played[0]) if played else None


def _audio(stream: _Stream) -> AudioStream:
    return AudioStream(
        index=stream.index,
        codec=stream.codec_name,
        channels=stream.channels,
        duration_seconds=stream.duration,
        frames=stream.nb_frames,
        decoded_frames=stream.nb_read_frames,
    )


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
