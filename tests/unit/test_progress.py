from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.worker.progress import Advance, read

# As ffmpeg 8.1 writes it; 5.1 differs in blanks alone.
LINES = """\
frame=60
fps=0.00
stream_0_0_q=-1.0
bitrate= 470.8kbits/s
total_size=117704
out_time_us=2000000
out_time_ms=2000000
out_time=00:00:02.000000
dup_frames=0
drop_frames=0
speed=  35x
progress=end
"""


def after(*lines: str) -> Advance:
    advance = Advance()
    for line in lines:
        advance = read(advance, line)
    return advance


def test_the_lines_of_ffmpeg_are_read() -> None:
    assert after(*LINES.splitlines()) == Advance(seconds=2.0, frames=60, speed=35.0)


@pytest.mark.parametrize(
    "line", ["out_time_us=N/A", "out_time_us=-9000", "out_time_us=nan", "", "=", "frame", "frame=N/A", "x=1"]
)
def test_what_says_nothing_changes_nothing(line: str) -> None:
    assert after("out_time_us=500000", line) == Advance(seconds=0.5)


@pytest.mark.parametrize(
    ("line", "further"),
    [
        ("out_time_us=500001", True),
        ("frame=11", True),
        ("out_time_us=500000", False),
        ("out_time_us=1000", False),
        ("frame=10", False),
        ("frame=9", False),
        ("speed=9x", False),
        ("total_size=99", False),
    ],
)
def test_only_more_seconds_or_frames_are_an_advance(line: str, *, further: bool) -> None:
    before = after("out_time_us=500000", "frame=10")
    assert read(before, line).beyond(before) is further


def test_an_unknown_speed_is_none() -> None:
    assert after("speed=2.5x", "speed=N/A") == Advance(speed=None)


@pytest.mark.parametrize(
    ("seconds", "duration", "ratio"), [(0.0, 2.0, 0.0), (1.0, 2.0, 0.5), (2.02, 2.0, 1.0), (1.0, 0.0, 0.0)]
)
def test_the_ratio_is_a_share_of_the_duration(seconds: float, duration: float, ratio: float) -> None:
    assert Advance(seconds=seconds).ratio(duration) == ratio


@given(st.lists(st.integers(min_value=-(10**12), max_value=10**12) | st.just("N/A")))
def test_the_ratio_never_falls(times: list[int | str]) -> None:
    advance, ratios = Advance(), []
    for time in times:
        advance = read(advance, f"out_time_us={time}")
        ratios.append(advance.ratio(60.0))

    assert ratios == sorted(ratios)
    assert all(0 <= ratio <= 1 for ratio in ratios)
