"""What pictures are coded with, and their shapes."""

from __future__ import annotations

from collections.abc import Callable

from tests.corpus import atoms
from tests.corpus.intent import Input, Look, Published, Refused
from tests.corpus.recipe import AAC, BOTH, CARD, CARD_LOOK, PICTURE, X264, altered, copied, film, lavfi, picture, png

_FAST = ("-preset", "ultrafast")
_H264 = ("-c:v", "libx264", *_FAST)
_FAST_VP9 = ("-deadline", "realtime", "-cpu-used", "8")
_H265 = ("-c:v", "libx265", *_FAST, "-x265-params", "log-level=error")
_MUTE = Published(sounds=())


def _turned(degrees: int, *, look: tuple[int, int, int, int], flip: str = "") -> Input:
    """Return an input whose display matrix turns (counter-clockwise), then flips; ``look`` tells where quarters go."""
    option = ("-display_rotation", str(degrees), *((f"-display_{flip}",) if flip else ()))
    where: Look = (CARD_LOOK[look[0]], CARD_LOOK[look[1]], CARD_LOOK[look[2]], CARD_LOOK[look[3]])
    size = (90, 160) if degrees % 180 else (160, 90)
    return Input(
        name=f"turned_{degrees}{'_' * bool(flip)}{flip}",
        special=f"a display matrix that turns by {degrees} degrees{' and flips' * bool(flip)}",
        recipe=copied("card", before=option),
        intent=Published(size=size, sounds=(), look=where),
    )


def _coded(name: str, special: str, *arguments: str, size: tuple[int, int] = (160, 90), frames: int = 30) -> Input:
    """Return an input without sound in another coding."""
    source = lavfi(picture(f"{size[0]}x{size[1]}"))
    return Input(
        name=name,
        special=special,
        recipe=film(*source, *arguments),
        intent=Published(size=size, sounds=(), frames=frames),
    )


def _shaped(name: str, special: str, source: str, size: tuple[int, int], *, frames: int = 5) -> Input:
    """Return an input of five frames of another shape; H.264 without halved colours takes any."""
    made = (*lavfi(source), "-frames:v", str(frames), *_H264, "-pix_fmt", "yuv444p")
    return Input(
        name=name,
        special=special,
        recipe=film(*made),
        intent=Published(size=size, sounds=(), seconds=frames / 30, frames=frames),
    )


def _as_png(side: int) -> Callable[[bytes], bytes]:
    """Return a change that puts a black PNG in place of the only frame of a file, whose index comes first.

    It is written here since not every ffmpeg has an encoder for it.
    """
    stbl = "moov/trak/mdia/minf/stbl"

    def change(body: bytes) -> bytes:
        content = png(side)
        named = atoms.entry_named(body, "trak", b"jpeg", b"png ")
        # Flags and count, then the one entry: its header, 6 + 2 + 16 bytes, width and height.
        sized = atoms.number(named, f"{stbl}/stsd", 8 + 8 + 24, side << 16 | side)
        return atoms.replaced(atoms.number(sized, f"{stbl}/stsz", 4, len(content)), "mdat", lambda _: content)

    return change


INPUTS = (
    Input(
        name="card",
        special="four coloured quarters, by which it is seen which side is up",
        recipe=film(*lavfi(CARD), *X264),
        intent=Published(sounds=(), look=CARD_LOOK),
    ),
    Input(name="no_audio", special="no sound", recipe=film(*PICTURE, *X264), intent=_MUTE),
    Input(
        name="portrait",
        special="higher than wide",
        recipe=film(*lavfi(picture("90x160"), "sine=d=1"), *X264, *AAC),
        intent=Published(size=(90, 160)),
    ),
    Input(
        name="rotated",
        special="a telephone held upright",
        recipe=copied("good", before=("-display_rotation", "90")),
        intent=Published(size=(90, 160)),
    ),
    Input(
        name="upside_down",
        special="a telephone held upside down",
        recipe=copied("good", before=("-display_rotation", "180")),
        intent=Published(),
    ),
    _turned(90, look=(1, 3, 0, 2)),
    _turned(180, look=(3, 2, 1, 0)),
    _turned(270, look=(2, 0, 3, 1)),
    _turned(0, flip="hflip", look=(1, 0, 3, 2)),
    _turned(0, flip="vflip", look=(2, 3, 0, 1)),
    _turned(90, flip="hflip", look=(3, 1, 2, 0)),
    Input(
        name="tilted",
        special="a display matrix that turns by 10 degrees, which no player does",
        recipe=copied("no_audio", before=("-display_rotation", "10")),
        intent=_MUTE,
    ),
    Input(
        name="odd",
        special="odd width and height",
        recipe=film(*lavfi(picture("161x91")), *_H264, "-pix_fmt", "yuv444p"),
        intent=_MUTE,
    ),
    _shaped("one_pixel_high", "one line", f"{picture('64x64')},format=yuv444p,crop=64:1", (64, 2)),
    _shaped("one_pixel", "one pixel", f"{picture('64x64')},format=yuv444p,crop=1:1", (2, 2)),
    _shaped("tiny_2", "2 x 2 pixels", "color=c=red:s=2x2:r=30", (2, 2)),
    _shaped("tiny_16", "16 x 16 pixels", "color=c=red:s=16x16:r=30", (16, 16)),
    _shaped("very_wide", "4000 x 20 pixels", picture("4000x20"), (4000, 20)),
    _shaped("very_high", "20 x 4000 pixels", picture("20x4000"), (20, 4000)),
    _shaped("ultra_hd", "3840 x 2160 pixels", picture("3840x2160"), (1920, 1080), frames=3),
    Input(
        name="bomb",
        special="a picture of 20,000 x 20,000 pixels in 50 kB",
        recipe=altered("one_jpeg", _as_png(20_000)),
        intent=Refused(code="over_limits", why="decoded it takes gigabytes"),
    ),
    Input(
        name="png",
        special="a PNG, for which the ffmpeg that is used has no decoder",
        recipe=altered("one_jpeg", _as_png(64)),
        intent=Refused(code="unsupported_codec", why="nothing here can read it"),
    ),
    Input(
        name="one_jpeg",
        special="a single JPEG, the index first",
        recipe=film(*PICTURE, "-frames:v", "1", "-c:v", "mjpeg", "-movflags", "+faststart", "-f", "mov"),
        intent=Published(sounds=(), frames=1, seconds=0.03),
    ),
    Input(
        name="wide_pixels",
        special="pixels wider than high",
        recipe=film(*BOTH, "-vf", "setsar=4/3", *X264, *AAC),
        intent=Published(size=(212, 90)),
    ),
    Input(
        name="narrow_pixels",
        special="pixels higher than wide (NTSC, 10:11)",
        recipe=film(*lavfi(picture("176x96")), "-vf", "setsar=10/11", *X264),
        intent=Published(size=(160, 96), sounds=()),
    ),
    Input(
        name="absurd_pixels",
        special="pixels 20 times as wide as high",
        recipe=film(*PICTURE, "-vf", "setsar=20/1", *X264),
        intent=Published(size=(3200, 90), sounds=()),
    ),
    _coded("ten_bit", "10 bits", *_H264, "-pix_fmt", "yuv420p10le"),
    _coded("twelve_bit", "12 bits (JPEG 2000)", "-c:v", "jpeg2000", "-pix_fmt", "yuv422p12le"),
    _coded("half_chroma", "4:2:2 of 10 bits", *_H264, "-pix_fmt", "yuv422p10le"),
    _coded("full_chroma", "4:4:4", *_H264, "-pix_fmt", "yuv444p"),
    _coded("grey", "no colours at all", *_H264, "-pix_fmt", "gray"),
    _coded("rgb", "RGB in H.264", "-c:v", "libx264rgb", *_FAST),
    _coded("ten_bit_grey", "10 bits, no colours", *_H264, "-pix_fmt", "gray10le"),
    _coded("vp9_full_chroma", "VP9 of 4:4:4", "-c:v", "libvpx-vp9", *_FAST_VP9, "-pix_fmt", "yuv444p"),
    _coded("rgb_hevc", "RGB in HEVC", *_H265, "-pix_fmt", "gbrp"),
    Input(
        name="hevc",
        special="HEVC",
        recipe=film(*BOTH, *_H265, "-tag:v", "hvc1", *AAC),
        intent=Published(),
    ),
    _coded("hevc_in_band", "HEVC with its parameters in the stream (hev1)", *_H265, "-tag:v", "hev1"),
    Input(
        name="vp9",
        special="VP9 and Opus",
        recipe=film(*BOTH, "-c:v", "libvpx-vp9", *_FAST_VP9, "-c:a", "libopus"),
        intent=Published(),
    ),
    _coded("av1", "AV1", "-c:v", "libsvtav1", "-preset", "13", "-svtav1-params", "lp=1"),
    _coded("prores", "ProRes 422", "-c:v", "prores", "-f", "mov"),
    _coded(
        "prores_alpha", "ProRes 4444 with transparency", *("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"), "-f", "mov"
    ),
    Input(
        name="mpeg4",
        special="MPEG-4 Part 2 and MP3",
        recipe=film(*BOTH, "-c:v", "mpeg4", "-c:a", "libmp3lame"),
        intent=Published(),
    ),
    _coded("mpeg4_b_frames", "MPEG-4 Part 2 with B-frames", "-c:v", "mpeg4", "-bf", "2", "-tag:v", "mp4v"),
    _coded("mjpeg", "Motion JPEG, of a camera of 2005", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    _coded("mpeg2", "MPEG-2", "-c:v", "mpeg2video"),
    _coded("animation", "QuickTime Animation with transparency", *("-c:v", "qtrle", "-pix_fmt", "argb"), "-f", "mov"),
    _coded("raw", "no coding: raw 4:2:2", "-c:v", "rawvideo", "-pix_fmt", "uyvy422", "-f", "mov"),
    _coded("jpeg2000", "JPEG 2000", "-c:v", "jpeg2000"),
    _coded(
        "dnxhr",
        "DNxHR, of an editing suite",
        *("-c:v", "dnxhd", "-profile:v", "dnxhr_lb"),
        "-f",
        "mov",
        size=(256, 144),
    ),
    Input(
        name="interlaced",
        special="interlaced, the upper field first (MBAFF)",
        recipe=film(*lavfi(picture("160x96")), "-flags", "+ilme+ildct", "-x264-params", "tff=1", *X264),
        intent=Published(size=(160, 96), sounds=()),
    ),
    Input(
        name="lower_field_first",
        special="interlaced, the lower field first",
        recipe=film(*lavfi(picture("160x96")), "-flags", "+ilme+ildct", "-x264-params", "bff=1", *X264),
        intent=Published(size=(160, 96), sounds=()),
    ),
    Input(
        name="interlaced_mpeg2",
        special="interlaced MPEG-2, of a camcorder",
        recipe=film(*lavfi(picture("160x96")), "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-top", "1"),
        intent=Published(size=(160, 96), sounds=()),
    ),
    Input(
        name="telecined",
        special="cinema's 24 frames spread over 60 fields",
        recipe=film(*lavfi(f"{picture('160x96', rate='24')},telecine=pattern=23"), "-x264-params", "tff=1", *X264),
        intent=Published(size=(160, 96), sounds=()),
    ),
    Input(
        name="b_frames",
        special="frames in another order than they are shown in",
        recipe=film(*BOTH, *X264, "-preset", "veryfast", "-bf", "3", *AAC),
        intent=Published(),
    ),
    _coded("open_gop", "keyframes before which frames refer to those behind", *_H265, "-bf", "3", "-g", "10"),
    _coded("refreshed", "no keyframe but the first", *_H264, "-x264-params", "intra-refresh=1:keyint=10"),
    Input(
        name="black",
        special="every picture black",
        recipe=film(*lavfi("color=c=black:s=160x90:r=30:d=1"), *X264),
        intent=Published(sounds=(), look=("000000",) * 4),
    ),
)
