"""Light and colour that SDR does not have, and where they end up in it."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.worker.recipes import colour
from vidctl.worker.recipes.colour import BT709, BT2020, P3, Rgb
from vidctl.worker.recipes.tonemap import Grade, Transfer, convert, cube, grade, into_gamut, rolled_off
from vidctl.worker.source.media import VideoStream

PQ = Grade(transfer=Transfer.PQ)
HLG = Grade(transfer=Transfer.HLG)
WIDE = Grade(transfer=Transfer.SDR, peak_nits=203)
ALL = (PQ, HLG, WIDE, Grade(transfer=Transfer.PQ, peak_nits=4000), Grade(transfer=Transfer.PQ, primaries=P3))

CODE = 1 / 219
"""One of the codes between black and white in 8 bits of limited range."""
SIGNAL = st.floats(min_value=0, max_value=1)
SIGNALS = st.tuples(SIGNAL, SIGNAL, SIGNAL)


def video(**claims: object) -> VideoStream:
    return VideoStream(index=0, codec="hevc", width=1920, height=1080, **claims)  # type: ignore[arg-type]


def grey(source: Grade, signal: float) -> float:
    return convert(source, (signal, signal, signal))[1]


def pq(nits: float) -> float:
    return grey(PQ, colour.nits_to_pq(nits))


@pytest.mark.parametrize(("nits", "signal"), [(0, 0), (100, 0.5081), (203, 0.5807), (1000, 0.7518), (10000, 1)])
def test_pq_is_the_curve_of_bt_2100(nits: float, signal: float) -> None:
    assert colour.nits_to_pq(nits) == pytest.approx(signal, abs=1e-4)
    assert colour.pq_to_nits(colour.nits_to_pq(nits)) == pytest.approx(nits)


@pytest.mark.parametrize(("signal", "scene"), [(0, 0), (0.5, 1 / 12), (0.75, 0.2650), (1, 1)])
def test_hlg_is_the_curve_of_bt_2100(signal: float, scene: float) -> None:
    assert colour.hlg_to_scene(signal) == pytest.approx(scene, abs=1e-4)


def test_bt_2020_to_bt_709_is_the_matrix_of_bt_2087() -> None:
    red, green, blue = colour.to_bt709(BT2020)

    assert red == pytest.approx((1.6605, -0.5876, -0.0728), abs=1e-4)
    assert green == pytest.approx((-0.1246, 1.1329, -0.0083), abs=1e-4)
    assert blue == pytest.approx((-0.0182, -0.1006, 1.1187), abs=1e-4)


def test_white_is_white_in_all_primaries() -> None:
    for primaries in (BT709, BT2020, P3):
        assert colour.apply(colour.to_bt709(primaries), (1, 1, 1)) == pytest.approx((1, 1, 1))
        assert sum(colour.luminance_weights(primaries)) == pytest.approx(1)


@pytest.mark.parametrize("source", ALL)
def test_black_stays_black_and_the_top_becomes_white(source: Grade) -> None:
    assert convert(source, (0, 0, 0)) == (0, 0, 0)
    assert convert(source, (1, 1, 1)) == pytest.approx((1, 1, 1), abs=CODE / 2)


@pytest.mark.parametrize("source", ALL)
def test_grey_stays_grey_and_gets_no_darker(source: Grade) -> None:
    shown = [convert(source, (step / 1023,) * 3) for step in range(1024)]

    assert all(max(rgb) - min(rgb) < CODE / 100 for rgb in shown)
    assert all(after[1] >= before[1] for before, after in itertools.pairwise(shown))


def test_a_grey_card_is_as_bright_as_in_sdr() -> None:
    assert pq(26) == pytest.approx(0.425, abs=0.001)
    assert grey(HLG, 0.38) == pytest.approx(0.425, abs=0.005)


def test_reference_white_is_near_white() -> None:
    assert pq(203) == pytest.approx(0.903, abs=0.001)
    assert grey(HLG, 0.75) == pytest.approx(0.903, abs=0.001)


def test_what_was_graded_in_sdr_comes_back_as_it_was() -> None:
    assert grey(Grade(transfer=Transfer.PQ, peak_nits=203), colour.nits_to_pq(203)) == pytest.approx(1)
    assert grey(WIDE, 0.5) == pytest.approx(0.5)


def test_nothing_changes_below_the_knee_and_the_peak_becomes_the_target() -> None:
    assert rolled_off(80, peak_nits=1000) == 80
    assert rolled_off(1000, peak_nits=1000) == pytest.approx(203)
    assert rolled_off(5000, peak_nits=1000) == pytest.approx(203)
    assert rolled_off(150, peak_nits=203) == pytest.approx(150)


def test_a_brighter_source_leaves_less_for_white() -> None:
    at_white = [rolled_off(203, peak_nits=peak) for peak in (203, 400, 1000, 4000, 10000)]

    assert at_white == sorted(at_white, reverse=True)
    assert len(set(at_white)) == len(at_white)


@given(source=st.sampled_from(ALL), signal=SIGNALS)
def test_every_signal_has_a_picture(source: Grade, signal: Rgb) -> None:
    assert all(0 <= channel <= 1 for channel in convert(source, signal))


@given(signal=SIGNALS, less=st.floats(min_value=0, max_value=1))
def test_more_light_of_a_colour_is_never_darker(signal: Rgb, less: float) -> None:
    r, g, b = (colour.nits_to_pq(colour.pq_to_nits(channel) * less) for channel in signal)

    assert all(dim <= bright + 1e-6 for dim, bright in zip(convert(PQ, (r, g, b)), convert(PQ, signal), strict=True))


@given(st.tuples(*[st.floats(min_value=-0.2, max_value=1)] * 3))
def test_a_colour_outside_gets_paler_and_neither_darker_nor_of_another_hue(rgb: Rgb) -> None:
    weights = colour.luminance_weights(BT709)
    luminance = sum(w * c for w, c in zip(weights, rgb, strict=True))
    if luminance < 0:
        return

    inside = into_gamut(rgb, weights)

    assert min(inside) >= -1e-9
    assert sum(w * c for w, c in zip(weights, inside, strict=True)) == pytest.approx(luminance, abs=1e-9)
    order = sorted(range(3), key=lambda at: rgb[at])
    assert [inside[at] for at in order] == pytest.approx(sorted(inside), abs=1e-9)


def test_an_orange_light_does_not_turn_yellow() -> None:
    orange = (800.0, 360.0, 64.0)
    r, g, b = (colour.bt1886_to_light(c) for c in convert(PQ, tuple(colour.nits_to_pq(c) for c in orange)))  # type: ignore[arg-type]
    expected = colour.apply(colour.to_bt709(BT2020), orange)

    # Cut off, green would be as bright as red.
    assert g / r == pytest.approx(max(expected[1], 0) / expected[0], abs=0.02)
    assert b < g < r


def test_a_table_holds_the_conversion_with_red_running_fastest() -> None:
    head, *rows = cube(PQ, size=5).splitlines()
    points = [tuple(float(word) for word in row.split()) for row in rows]

    assert head == "LUT_3D_SIZE 5"
    assert len(points) == 125
    assert points[1] == pytest.approx(convert(PQ, (0.25, 0, 0)), abs=1e-6)
    assert points[25 * 2 + 5 * 3 + 1] == pytest.approx(convert(PQ, (0.25, 0.75, 0.5)), abs=1e-6)


@pytest.mark.parametrize("source", ALL)
def test_a_table_is_finite_and_always_the_same(source: Grade) -> None:
    text = cube(source, size=9)

    assert text == cube(source, size=9)
    assert all(math.isfinite(float(word)) for word in text.split()[2:])


@pytest.mark.parametrize("source", [PQ, HLG])
def test_grey_between_the_points_of_a_table_is_within_half_a_code(source: Grade) -> None:
    size = 33
    rows = [float(row.split()[1]) for row in cube(source, size=size).splitlines()[1:]]
    diagonal = [rows[at * (size * size + size + 1)] for at in range(size)]

    for step in range(1023):
        at, share = divmod(step * (size - 1) / 1023, 1)
        between = diagonal[int(at)] * (1 - share) + diagonal[int(at) + 1] * share
        assert between == pytest.approx(grey(source, step / 1023), abs=CODE / 2)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, None),
        ({"transfer": "bt709", "primaries": "bt709"}, None),
        ({"transfer": "smpte170m", "primaries": "smpte170m"}, None),
        ({"transfer": "smpte2084", "primaries": "bt2020"}, PQ),
        ({"transfer": "smpte2084"}, PQ),
        ({"transfer": "smpte2084", "primaries": "smpte432"}, Grade(transfer=Transfer.PQ, primaries=P3)),
        ({"transfer": "smpte2084", "peak_nits": 4000.0}, Grade(transfer=Transfer.PQ, peak_nits=4000)),
        ({"transfer": "smpte2084", "peak_nits": 20.0}, Grade(transfer=Transfer.PQ, peak_nits=203)),
        ({"transfer": "arib-std-b67", "primaries": "bt2020", "peak_nits": 4000.0}, HLG),
        ({"transfer": "bt2020-10", "primaries": "bt2020"}, WIDE),
        ({"primaries": "smpte432"}, Grade(transfer=Transfer.SDR, primaries=P3, peak_nits=203)),
    ],
)
def test_a_table_is_made_for_what_bt_709_does_not_hold(claims: dict[str, object], expected: Grade | None) -> None:
    assert grade(video(**claims)) == expected


def test_the_first_frame_speaks_for_a_silent_container() -> None:
    silent, outspoken = video(transfer="smpte2084"), video(transfer="smpte2084", peak_nits=600.0)

    assert grade(silent, frame_peak_nits=4000) == Grade(transfer=Transfer.PQ, peak_nits=4000)
    assert grade(outspoken, frame_peak_nits=4000) == Grade(transfer=Transfer.PQ, peak_nits=600)


def test_grades_have_files_of_their_own() -> None:
    assert PQ.name == "smpte2084-bt2020-1000.cube"
    assert len({source.name for source in ALL}) == len(ALL)
