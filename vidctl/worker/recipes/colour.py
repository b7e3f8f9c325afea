"""Curves and primaries of video: from a signal to light, and from one set of primaries to another (P).

A signal is 0 to 1 of its full range. Light is in cd/m² ("nits") or a share of a white, as each function says.
"""

from __future__ import annotations

Rgb = tuple[float, float, float]
Matrix = tuple[Rgb, Rgb, Rgb]

PQ_PEAK_NITS = 10_000.0

BT709 = "bt709"
BT2020 = "bt2020"
P3 = "smpte432"

_CHROMATICITIES = {
    BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""x and y of red, green and blue: ITU-R BT.709-6, BT.2020-2 and SMPTE EG 432-1, by ffmpeg's words. White is D65."""

_D65 = (0.3127, 0.3290)

# SMPTE ST 2084, section 5; the same in ITU-R BT.2100, table 4.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32

# ITU-R BT.2100, table 5: a = 0.17883277, b = 1 - 4a, c = 0.5 - a ln(4a).
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_E = 2.718281828459045


def pq_to_nits(signal: float) -> float:
    """Return the light of a PQ signal (BT.2100 table 4, EOTF)."""
    root = signal ** (1 / _M2)
    return float(PQ_PEAK_NITS * (max(root - _C1, 0.0) / (_C2 - _C3 * root)) ** (1 / _M1))


def nits_to_pq(nits: float) -> float:
    """Return the PQ signal of a light (BT.2100 table 4, inverse of the EOTF)."""
    power = (nits / PQ_PEAK_NITS) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def hlg_to_scene(signal: float) -> float:
    """Return the light of the scene, a share of its brightest, of an HLG signal (BT.2100 table 5, inverse OETF)."""
    if signal <= 0.5:  # noqa: PLR2004 - where the root becomes a logarithm
        return signal * signal / 3
    return float((_E ** ((signal - _C) / _A) + _B) / 12)


def bt1886_to_light(signal: float) -> float:
    """Return the light, a share of white, of an SDR signal (ITU-R BT.1886, annex 1, with a black of no light)."""
    return float(signal**2.4)


def light_to_bt1886(light: float) -> float:
    """Return the SDR signal of a light of 0 to 1."""
    return float(light ** (1 / 2.4))


def luminance_weights(primaries: str) -> Rgb:
    """Return how much of white's luminance each primary gives."""
    return _rgb_to_xyz(primaries)[1]


def to_bt709(primaries: str) -> Matrix:
    """Return the matrix that turns light of these primaries into light of BT.709's; white stays white."""
    return _product(_inverse(_rgb_to_xyz(BT709)), _rgb_to_xyz(primaries))


def apply(matrix: Matrix, rgb: Rgb) -> Rgb:
    """Multiply a matrix by a colour."""
    r, g, b = rgb
    (rr, rg, rb), (gr, gg, gb), (br, bg, bb) = matrix
    return (rr * r + rg * g + rb * b, gr * r + gg * g + gb * b, br * r + bg * g + bb * b)


def _rgb_to_xyz(primaries: str) -> Matrix:
    """Scale the primaries so that together they give D65 (SMPTE RP 177)."""
    red, green, blue = (_xyz(x, y) for x, y in _CHROMATICITIES[primaries])
    columns = ((red[0], green[0], blue[0]), (red[1], green[1], blue[1]), (red[2], green[2], blue[2]))
    r, g, b = apply(_inverse(columns), _xyz(*_D65))
    (xr, xg, xb), (yr, yg, yb), (zr, zg, zb) = columns
    return ((xr * r, xg * g, xb * b), (yr * r, yg * g, yb * b), (zr * r, zg * g, zb * b))


def _xyz(x: float, y: float) -> Rgb:
    return (x / y, 1.0, (1 - x - y) / y)


def _product(left: Matrix, right: Matrix) -> Matrix:
    one, two, three = (apply(left, (right[0][i], right[1][i], right[2][i])) for i in range(3))
    return ((one[0], two[0], three[0]), (one[1], two[1], three[1]), (one[2], two[2], three[2]))


def _inverse(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = ((e * i - f * h, c * h - b * i, b * f - c * e), (f * g - d * i, a * i - c * g, c * d - a * f))
    last = (d * h - e * g, b * g - a * h, a * e - b * d)
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * last[0]
    rows = (*cofactors, last)
    one, two, three = ((x / determinant, y / determinant, z / determinant) for x, y, z in rows)
    return (one, two, three)
