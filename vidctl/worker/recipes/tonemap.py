"""Pictures of more light or more colour than BT.709 has, turned into BT.709 by a table of our own (P).

ffmpeg is often built without zimg, and its filters for this differ between versions; its ``lut3d`` filter reads
a table from a file and is the same in all. So the conversion is computed here, once a job: signal to light (BT.2100),
highlights rolled off (BT.2390), BT.2020 to BT.709, light to signal (BT.1886).

Light of 203 cd/m², the HDR Reference White of ITU-R BT.2408, is what SDR's white is made of: below the knee all stays
as bright, against white, as it was graded. The roll-off needs some room under white: of a source of 1,000 cd/m²
reference white comes out at 90 % of the signal, and a grey card (26 cd/m², BT.2408) at 42.5 %, where a camera of
BT.709 puts it at 41 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vidctl.worker.recipes import colour
from vidctl.worker.recipes.colour import BT709, BT2020, P3, Matrix, Rgb
from vidctl.worker.source.media import VideoStream

REFERENCE_WHITE_NITS = 203.0
"""ITU-R BT.2408, section 2.1: 58 % of a PQ signal, 75 % of an HLG signal."""

DEFAULT_PEAK_NITS = 1000.0
"""What HDR10 is graded for where the file does not say; too high an assumption darkens, too low a one clips."""

HLG_PEAK_NITS = 1000.0
"""The display for which BT.2100 (table 5) sets HLG's system gamma to 1.2."""

_HLG_GAMMA = 1.2


class Transfer(StrEnum):
    """The curves that are read, by ffmpeg's words for the two of HDR."""

    PQ = "smpte2084"
    HLG = "arib-std-b67"
    SDR = "bt709"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """All that a table depends on. ``peak_nits`` is the light that becomes SDR's white."""

    transfer: Transfer
    primaries: str = BT2020
    peak_nits: float = DEFAULT_PEAK_NITS

    @property
    def name(self) -> str:
        """A file name for the table."""
        return f"{self.transfer}-{self.primaries}-{self.peak_nits:g}.cube"


def grade(video: VideoStream, *, frame_peak_nits: float | None = None) -> Grade | None:
    """Return what a picture's table depends on; None if it needs none, since it is BT.709 or as good as that.

    ``frame_peak_nits`` is what the first frame says of its light, for a container that says nothing.
    """
    match video.transfer:
        case Transfer.PQ:
            peak = video.peak_nits or frame_peak_nits or DEFAULT_PEAK_NITS
            return Grade(transfer=Transfer.PQ, primaries=_primaries(video), peak_nits=max(peak, REFERENCE_WHITE_NITS))
        case Transfer.HLG:
            return Grade(transfer=Transfer.HLG, primaries=_primaries(video), peak_nits=HLG_PEAK_NITS)
        case _ if video.primaries in {BT2020, P3}:
            return Grade(transfer=Transfer.SDR, primaries=video.primaries, peak_nits=REFERENCE_WHITE_NITS)
        case _:
            return None


def _primaries(video: VideoStream) -> str:
    # BT.2100 has no others; a file that names none is taken at its transfer's word.
    return video.primaries if video.primaries in {BT709, P3} else BT2020


def cube(source: Grade, *, size: int = 33) -> str:
    """Return the table as the text of a .cube file: ``size`` points along each of red, green and blue.

    With 33 points and tetrahedral interpolation a PQ picture comes out within 0.8 of a just noticeable difference
    (BT.2124) on average and 6 at worst, of the most saturated colours, and grey within half a code of 8 bits; that
    takes 0.15 s. 65 points would bring 0.3 and 5, and take 1.1 s.
    """
    axis = [_light(source.transfer, step / (size - 1)) for step in range(size)]
    shown = _Shown(source)
    # Red runs fastest (Adobe, Cube LUT Specification 1.0).
    rows = ["{:.6f} {:.6f} {:.6f}".format(*shown((r, g, b))) for b in axis for g in axis for r in axis]
    return "\n".join((f"LUT_3D_SIZE {size}", *rows, ""))


def convert(source: Grade, signal: Rgb) -> Rgb:
    """Return the BT.709 signal of a source's signal: what the table approximates."""
    r, g, b = signal
    transfer = source.transfer
    return _Shown(source)((_light(transfer, r), _light(transfer, g), _light(transfer, b)))


def rolled_off(nits: float, *, peak_nits: float, target_nits: float = REFERENCE_WHITE_NITS) -> float:
    """Return the light that a display of ``target_nits`` gives for a light of a source of ``peak_nits``.

    ITU-R BT.2390, "EETF", with both blacks at no light: nothing changes below the knee,
    and from there a Hermite spline leads to the target's peak.
    """
    peak = colour.nits_to_pq(peak_nits)
    target = colour.nits_to_pq(target_nits) / peak
    knee = 1.5 * target - 0.5
    e = min(colour.nits_to_pq(nits) / peak, 1.0)
    if e <= knee:
        return nits
    t = (e - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * target
    return colour.pq_to_nits(spline * peak)


def into_gamut(rgb: Rgb, weights: Rgb) -> Rgb:
    """Return a colour without negative light, as bright and of the same hue, only paler than one that has some.

    Cut off component by component it would get another hue and more light. It is moved straight towards the grey of its
    luminance instead, as far as it must be.
    """
    lowest = min(rgb)
    if lowest >= 0.0:
        return rgb
    r, g, b = rgb
    grey = weights[0] * r + weights[1] * g + weights[2] * b
    keep = grey / (grey - lowest)
    return (grey + keep * (r - grey), grey + keep * (g - grey), grey + keep * (b - grey))


class _Shown:
    """From a source's light to a BT.709 signal, with what is the same for every pixel computed once."""

    def __init__(self, source: Grade) -> None:
        self._source = source
        self._matrix: Matrix = colour.to_bt709(source.primaries)
        self._weights = colour.luminance_weights(BT709)
        self._source_weights = colour.luminance_weights(source.primaries)

    def __call__(self, light: Rgb) -> Rgb:
        r, g, b = into_gamut(colour.apply(self._matrix, self._displayed(light)), self._weights)
        brightest = max(r, g, b)
        if brightest <= 0.0:
            return (0.0, 0.0, 0.0)
        # By one factor for the three, so that no hue changes; by the largest, so that none gets beyond white.
        factor = rolled_off(brightest, peak_nits=self._source.peak_nits) / brightest / REFERENCE_WHITE_NITS
        return (_signal(r * factor), _signal(g * factor), _signal(b * factor))

    def _displayed(self, light: Rgb) -> Rgb:
        """Return the light of a display; HLG's depends on the luminance of the scene (BT.2100 table 5, OOTF)."""
        if self._source.transfer is not Transfer.HLG:
            return light
        r, g, b = light
        weights = self._source_weights
        scene = weights[0] * r + weights[1] * g + weights[2] * b
        factor = HLG_PEAK_NITS * scene ** (_HLG_GAMMA - 1)
        return (r * factor, g * factor, b * factor)


def _light(transfer: Transfer, signal: float) -> float:
    match transfer:
        case Transfer.PQ:
            return colour.pq_to_nits(signal)
        case Transfer.HLG:
            return colour.hlg_to_scene(signal)
        case Transfer.SDR:
            return colour.bt1886_to_light(signal) * REFERENCE_WHITE_NITS


def _signal(light: float) -> float:
    # The last digits of the arithmetic may lie outside.
    return colour.light_to_bt1886(min(max(light, 0.0), 1.0))
