"""What is in a media file, and what of it is refused (P)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vidctl.records import MediaInfo
from vidctl.worker.failure import refused
from vidctl.worker.source import words


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
    was really decoded, None where that was not tried. ``start_seconds`` counts from where the file begins. Transfer,
    primaries and matrix are ffmpeg's words for the code points of ITU-T H.273, empty where the file says nothing;
    ``peak_nits`` is the light (cd/m²) of the brightest pixel, None where the container does not say (often the first
    frame does). ``transformed``: turned or mirrored when shown. ``profile`` is the codec's, and ``bit_rate`` (bits a
    second) the container's average; empty and 0 where unsaid.
    """

    index: int
    codec: str
    width: int
    height: int
    sample_aspect: Fraction = Fraction(1)
    rotation_degrees: int = 0
    transformed: bool = False
    frames_per_second: float = 0.0
    duration_seconds: float | None = None
    frames: int | None = None
    decoded_frames: int | None = None
    interlaced: bool = False
    profile: str = ""
    bit_rate: int = 0
    start_seconds: float = 0.0
    pixel_format: str = ""
    transfer: str = ""
    primaries: str = ""
    matrix: str = ""
    peak_nits: float | None = None

    @property
    def hdr(self) -> bool:
        """Whether the picture is HDR10 or HLG."""
        return self.transfer in {"smpte2084", "arib-std-b67"}

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
    """One sound track of a file; claims as in ``VideoStream``, words as in ``TextStream``."""

    index: int
    codec: str
    channels: int
    profile: str = ""
    bit_rate: int = 0
    sample_rate: int = 0
    start_seconds: float = 0.0
    language: str = ""
    title: str = ""
    duration_seconds: float | None = None
    frames: int | None = None
    decoded_frames: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStream:
    """Subtitles as text. ``language`` (ISO 639-2) and ``title`` are the file's, and may be empty."""

    index: int
    codec: str
    language: str = ""
    title: str = ""
    forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file with a picture and perhaps sound. ``streams`` counts all that it has, whatever they are."""

    container: str
    duration_seconds: float
    streams: int
    video: VideoStream
    audios: tuple[AudioStream, ...] = ()
    texts: tuple[TextStream, ...] = ()

    @property
    def audio(self) -> AudioStream | None:
        """The first sound track, which is played with the picture unless somebody asks for another."""
        return self.audios[0] if self.audios else None

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
