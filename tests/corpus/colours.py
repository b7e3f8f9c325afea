"""What the numbers of a picture mean: primaries, transfer, matrix, range."""

from __future__ import annotations

from tests.corpus.intent import Input, Published
from tests.corpus.recipe import CARD, CARD_LOOK, film, lavfi

_HDR = Published(sounds=(), hdr=True)
_CARD = Published(sounds=(), look=CARD_LOOK)
_MASTER = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
_H264 = ("-c:v", "libx264", "-preset", "ultrafast")


def _tagged(primaries: str, transfer: str, matrix: str) -> str:
    """Return a filter that says of the pictures what they are; it changes none."""
    return f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}"


def _high(transfer: str, *parameters: str) -> tuple[str, ...]:
    """Return arguments for 10 bits in BT.2020."""
    filters = f"scale=out_color_matrix=bt2020,format=yuv420p10le,{_tagged('bt2020', transfer, 'bt2020nc')}"
    return (*lavfi(CARD), "-vf", filters, *_H264, *parameters)


def _matrix(name: str, special: str, matrix: str, tags: tuple[str, str, str]) -> Input:
    """Return an input that is coded by a matrix and says so."""
    filters = f"scale=out_color_matrix={matrix},format=yuv420p,{_tagged(*tags)}"
    return Input(name=name, special=special, recipe=film(*lavfi(CARD), "-vf", filters, *_H264), intent=_CARD)


INPUTS = (
    Input(
        name="hdr10",
        special="HDR10, with the mastering display and the light levels",
        recipe=film(*_high("smpte2084", "-x264-params", f"mastering-display={_MASTER}:cll=1000,400")),
        intent=_HDR,
    ),
    Input(
        name="hdr10_bare",
        special="PQ without a word of the mastering display",
        recipe=film(*_high("smpte2084")),
        intent=_HDR,
    ),
    Input(name="hlg", special="HLG, of a telephone", recipe=film(*_high("arib-std-b67")), intent=_HDR),
    Input(
        name="wide_gamut",
        special="BT.2020 without HDR",
        recipe=film(*_high("bt2020-10")),
        intent=Published(sounds=()),
    ),
    Input(
        name="full_range",
        special="full range: 0 is black and 255 white",
        recipe=film(*lavfi(CARD), "-vf", "scale=out_range=pc", *_H264, "-pix_fmt", "yuv420p", "-color_range", "pc"),
        intent=_CARD,
    ),
    Input(
        name="full_range_jpeg",
        special="full range by the pixel format's name (Motion JPEG)",
        recipe=film(*lavfi(CARD), "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"),
        intent=_CARD,
    ),
    _matrix("bt601", "BT.601, as of DVDs", "bt601", ("smpte170m", "smpte170m", "smpte170m")),
    _matrix("bt709", "BT.709 at a size at which players guess BT.601", "bt709", ("bt709", "bt709", "bt709")),
    _matrix("fcc", "the matrix of 1953", "fcc", ("bt470m", "bt470m", "fcc")),
    _matrix("smpte240", "the matrix of SMPTE 240M", "smpte240m", ("smpte240m", "smpte240m", "smpte240m")),
    Input(
        name="unspecified_colours",
        special="nothing is said of its colours",
        recipe=film(*lavfi(CARD), "-vf", "scale=out_color_matrix=bt601,format=yuv420p", *_H264),
        intent=_CARD,
    ),
    Input(
        name="wrong_colours",
        special="4:2:0 that calls itself RGB",
        recipe=film(
            *(*lavfi(CARD), "-vf", "scale=out_color_matrix=bt601,format=yuv420p", *_H264),
            *("-bsf:v", "h264_metadata=matrix_coefficients=0"),
        ),
        intent=Published(sounds=()),
    ),
    Input(
        name="reserved_colours",
        special="numbers for its colours that no standard gives a meaning",
        recipe=film(
            *(*lavfi(CARD), "-vf", "scale=out_color_matrix=bt601,format=yuv420p", *_H264, "-bsf:v"),
            "h264_metadata=matrix_coefficients=3:colour_primaries=3:transfer_characteristics=3",
        ),
        intent=_CARD,
    ),
)
