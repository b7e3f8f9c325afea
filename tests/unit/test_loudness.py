"""What ffmpeg prints of a track's loudness, and what is done about it."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.worker.failure import Failed
from vidctl.worker.recipes.loudness import MAX_GAIN_DB, Loudness, measure, normalisation, parse, published


def summary(integrated: str = "-27.1", peak: str = "-0.8") -> str:
    return f"""Output #0, null, to 'pipe:':
[Parsed_ebur128_2 @ 0x7f73cb835980] Summary:

  Integrated loudness:
    I:         {integrated} LUFS
    Threshold: -37.5 LUFS

  Loudness range:
    LRA:         3.4 LU
    Threshold: -47.1 LUFS
    LRA low:   -29.0 LUFS
    LRA high:  -25.6 LUFS

  True peak:
    Peak:       {peak} dBFS
[out#0/null @ 0x7f73cb84d300] video:0KiB audio:1875KiB subtitle:0KiB other streams:0KiB
"""


def track(integrated: float, peak: float) -> Loudness:
    return Loudness(integrated_lufs=integrated, true_peak_dbtp=peak, range_lu=5, threshold_lufs=integrated - 10)


def filters(integrated: float, peak: float) -> tuple[str, ...]:
    return normalisation(track(integrated, peak), target_lufs=-16, ceiling_dbtp=-1)


LIMITER = ("aresample=96000", "alimiter=limit=0.8610:attack=5:release=50:level=0:latency=1", "aresample=48000")


def test_the_summary_is_read() -> None:
    assert parse(summary()) == Loudness(integrated_lufs=-27.1, true_peak_dbtp=-0.8, range_lu=3.4, threshold_lufs=-37.5)


def test_the_last_of_two_summaries_counts() -> None:
    found = parse(summary("-10.0") + summary("-20.0"))

    assert found is not None
    assert found.integrated_lufs == -20


@pytest.mark.parametrize(
    ("integrated", "peak"), [("-70.0", "-inf"), ("-70.0", "-21.1"), ("-inf", "-inf"), ("nan", "0.1")]
)
def test_silence_and_what_is_too_short_to_measure_has_no_loudness(integrated: str, peak: str) -> None:
    assert parse(summary(integrated, peak)) is None


@pytest.mark.parametrize("text", ["", "Conversion failed!", summary().partition("True peak")[0]])
def test_no_measurement_is_not_taken_for_silence(text: str) -> None:
    with pytest.raises(Failed) as raised:
        parse(text)

    assert raised.value.failure.code == "loudness_unknown"


def test_a_track_is_measured_as_it_is_published() -> None:
    assert shlex.join(measure("ffmpeg", ("-protocol_whitelist", "file"), "/w/source", 3, channels=6)) == (
        "ffmpeg -nostdin -hide_banner -loglevel info -nostats -progress pipe:1 "
        "-protocol_whitelist file -i /w/source -map 0:3 "
        "-af aresample=async=1:min_hard_comp=0.04:first_pts=0,"
        "aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo,"
        "ebur128=peak=true:dualmono=true:framelog=verbose -f null -"
    )


def test_mono_stays_mono() -> None:
    assert published(1)[1].endswith("channel_layouts=mono")
    assert published(2) == published(8)


@pytest.mark.parametrize(
    ("integrated", "peak", "expected"),
    [
        (-16, -3, ()),
        (-16.5, -1, ()),
        (-15.5, -1, ()),
        (-15.4, -1, ("volume=-0.60dB",)),
        (-23, -8, ("volume=7.00dB",)),
        (-5, 1, ("volume=-11.00dB",)),
        (-50, -40, ("volume=20.00dB",)),
        (-16, 0, ("volume=0.00dB", *LIMITER)),
        (-20, -3, ("volume=4.00dB", *LIMITER)),
        (-30, 0, ("volume=9.00dB", *LIMITER)),
        (-50, -20, ("volume=20.00dB", *LIMITER)),
    ],
)
def test_gain_as_far_as_peaks_allow_and_a_limiter_beyond(
    integrated: float, peak: float, expected: tuple[str, ...]
) -> None:
    assert filters(integrated, peak) == expected


def test_silence_is_left_alone() -> None:
    assert normalisation(None, target_lufs=-16, ceiling_dbtp=-1) == ()


@given(st.floats(min_value=-69.9, max_value=5), st.floats(min_value=-60, max_value=10))
def test_no_track_is_blown_up_or_gets_over_the_ceiling(integrated: float, peak: float) -> None:
    chosen = filters(integrated, peak)
    gain = float(chosen[0].removeprefix("volume=").removesuffix("dB")) if chosen else 0.0

    assert gain <= MAX_GAIN_DB
    assert peak + gain <= -1 + 0.01 or chosen[1:] == LIMITER
