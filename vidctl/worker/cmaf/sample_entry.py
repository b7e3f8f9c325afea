"""What an MP4 says of how a track is coded (its sample entry), and the names that playlists have for it (P).

Codec strings follow RFC 6381 and what it points to: ISO/IEC 14496-15 Annex E for AVC and HEVC, the AV1 binding to
ISOBMFF section 5, RFC 6381 section 3.3 for MPEG-4 audio. Everything else is called by its sample entry's type.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from vidctl.worker.cmaf.boxes import Box, Fields, children, find, unreadable

_VISUAL = 78
_AUDIO = 28
"""Bytes of a visual and of an audio sample entry before the boxes that it holds (ISO/IEC 14496-12, 12.1.3, 12.2.3)."""

_PQ, _HLG = 16, 18
"""Transfer characteristics of ITU-T H.273."""

_AAC_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8}
"""Channels of an AAC channel configuration (ISO/IEC 14496-3, table 1.19)."""

_HALF_BOTH_WAYS = 0b11
"""AV1's two flags for chroma of half the width and half the height, 4:2:0."""

_MPEG4_AUDIO = 0x40
_DECODER_CONFIG, _DECODER_SPECIFIC, _STREAM_DESCRIPTOR = 0x04, 0x05, 0x03


class VideoRange(StrEnum):
    """The dynamic range of a picture, in HLS's words."""

    SDR = "SDR"
    PQ = "PQ"
    HLG = "HLG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """Code points of ITU-T H.273; 2 is unspecified."""

    primaries: int
    transfer: int
    matrix: int
    full_range: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """How a video track is coded. Width and height are as coded; ``colour`` is None where the file names none."""

    codec: str
    width: int
    height: int
    sample_aspect: Fraction = Fraction(1)
    colour: Colour | None = None

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as a player shows it, in square pixels."""
        return round(self.width * self.sample_aspect), self.height

    @property
    def video_range(self) -> VideoRange:
        """The dynamic range."""
        transfer = self.colour.transfer if self.colour else None
        return {_PQ: VideoRange.PQ, _HLG: VideoRange.HLG}.get(transfer or 0, VideoRange.SDR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """How an audio track is coded; ``rate`` is in Hz, 0 where it does not fit into its field."""

    codec: str
    rate: int
    channels: int


def parse_entry(data: bytes, entry: Box) -> Picture | Sound:
    """Read a sample entry.

    Raises:
        Failed: ``bad_fragments`` for one that is cut off, or of a codec that vidctl never writes.

    """
    if entry.kind in _PICTURES:
        return _picture(data, entry)
    if entry.kind in _SOUNDS:
        return _sound(data, entry)
    raise unreadable(f"its codec is {entry.kind.decode('latin-1')!r}, which is not packaged")


def _picture(data: bytes, entry: Box) -> Picture:
    fields = Fields(data, entry.body + 24, entry.end)
    width, height = fields.unsigned(2), fields.unsigned(2)
    held = {box.kind: box for box in children(data, entry.body + _VISUAL, entry.end)}
    colour = _colour(data, held[b"colr"]) if b"colr" in held else None
    kind, name = _PICTURES[entry.kind], entry.kind.decode()
    if kind not in held:
        raise unreadable(f"{name} without its configuration")
    config = Fields(data, held[kind].body, held[kind].end)
    match kind:
        case b"avcC":
            codec = f"{name}.{config.take(4)[1:].hex().upper()}"
        case b"hvcC":
            codec = f"{name}.{_hevc(config.take(13))}"
        case _:
            codec = f"{name}.{_av1(config.take(4), colour)}"
    aspect = _aspect(data, held[b"pasp"]) if b"pasp" in held else Fraction(1)
    return Picture(codec=codec, width=width, height=height, sample_aspect=aspect, colour=colour)


def _aspect(data: bytes, box: Box) -> Fraction:
    fields = Fields(data, box.body, box.end)
    across, down = fields.unsigned(4), fields.unsigned(4)
    return Fraction(across, down) if across and down else Fraction(1)


def _colour(data: bytes, box: Box) -> Colour | None:
    fields = Fields(data, box.body, box.end)
    if fields.take(4) != b"nclx":
        return None
    primaries, transfer, matrix = fields.unsigned(2), fields.unsigned(2), fields.unsigned(2)
    return Colour(primaries=primaries, transfer=transfer, matrix=matrix, full_range=fields.unsigned(1) > 127)  # noqa: PLR2004 - its first bit


def _hevc(config: bytes) -> str:
    """Write profile, compatibility, tier and level, and the constraints without the zeros at their end."""
    space, tier, profile = config[1] >> 6, config[1] >> 5 & 1, config[1] & 31
    # The flags are written with the order of their 32 bits reversed.
    flags = int(f"{int.from_bytes(config[2:6], 'big'):032b}"[::-1], 2)
    constraints = [f"{byte:X}" for byte in config[6:12].rstrip(b"\0")]
    level = f"{'LH'[tier]}{config[12]}"
    return ".".join([f"{['', 'A', 'B', 'C'][space]}{profile}", f"{flags:X}", level, *constraints])


def _av1(config: bytes, colour: Colour | None) -> str:
    """Write profile, level, tier and depth; and chroma and colours, all of them, where one is not the default."""
    profile, level = config[1] >> 5, config[1] & 31
    tier, high, twelve, mono = (config[2] >> shift & 1 for shift in (7, 6, 5, 4))
    chroma = config[2] & 15
    depth = 8 if not high else 12 if twelve and profile == 2 else 10  # noqa: PLR2004 - the professional profile
    short = f"{profile}.{level:02d}{'MH'[tier]}.{depth:02d}"
    named = colour or Colour(primaries=1, transfer=1, matrix=1)
    # Unspecified (2) is not worth a longer name, and reads as the default; nor is the position of chroma samples alone.
    points = [{2: 1}.get(point, point) for point in (named.primaries, named.transfer, named.matrix)]
    if (mono, chroma >> 2, *points, named.full_range) == (0, _HALF_BOTH_WAYS, 1, 1, 1, False):
        return short
    position = chroma & 3 if chroma >> 2 == _HALF_BOTH_WAYS else 0
    subsampling = f"{chroma >> 3}{chroma >> 2 & 1}{position}"
    return ".".join([short, str(mono), subsampling, *(f"{point:02d}" for point in points), str(int(named.full_range))])


def _sound(data: bytes, entry: Box) -> Sound:
    fields = Fields(data, entry.body + 16, entry.end)
    channels = fields.unsigned(2)
    fields.take(6)
    rate = fields.unsigned(4) >> 16
    if entry.kind != b"mp4a":
        return Sound(codec=entry.kind.decode(), rate=rate, channels=channels)
    inner = Box(kind=entry.kind, start=entry.start, body=entry.body + _AUDIO, end=entry.end)
    esds = find(data, inner, b"esds")
    if esds is None:
        raise unreadable("mp4a without its configuration")
    kind, specific = _elementary(Fields(data, esds.body + 4, esds.end))
    if kind != _MPEG4_AUDIO:
        return Sound(codec=f"mp4a.{kind:02X}", rate=rate, channels=channels)
    object_type, configured = _aac(specific)
    return Sound(codec=f"mp4a.40.{object_type}", rate=rate, channels=_AAC_CHANNELS.get(configured, channels))


def _elementary(fields: Fields) -> tuple[int, bytes]:
    """Return the kind of stream and the decoder's configuration (ISO/IEC 14496-1, 7.2.6)."""
    kind, specific = 0, b""
    while fields.left:
        tag, length = fields.unsigned(1), _descriptor_length(fields)
        if tag == _STREAM_DESCRIPTOR:
            fields.take(3)
        elif tag == _DECODER_CONFIG:
            kind = fields.take(13)[0]
        elif tag == _DECODER_SPECIFIC:
            specific = fields.take(length)
        else:
            fields.take(length)
    return kind, specific


def _descriptor_length(fields: Fields) -> int:
    length = 0
    while True:
        byte = fields.unsigned(1)
        length = length << 7 | byte & 127
        if byte < 128:  # noqa: PLR2004 - the bit that says that more follows
            return length


def _aac(specific: bytes) -> tuple[int, int]:
    """Return object type and channel configuration (ISO/IEC 14496-3, 1.6.2.1)."""
    bits = "".join(f"{byte:08b}" for byte in specific) + "0" * 64
    object_type, at = int(bits[:5], 2), 5
    if object_type == 31:  # noqa: PLR2004 - escape
        object_type, at = 32 + int(bits[5:11], 2), 11
    # A rate that is not in the table of rates follows in 24 bits.
    at += 28 if bits[at : at + 4] == "1111" else 4
    return object_type, int(bits[at : at + 4], 2)


_PICTURES = {b"avc1": b"avcC", b"avc3": b"avcC", b"hvc1": b"hvcC", b"hev1": b"hvcC", b"av01": b"av1C"}
_SOUNDS = frozenset({b"mp4a", b"Opus", b"ac-3", b"ec-3", b"fLaC"})
