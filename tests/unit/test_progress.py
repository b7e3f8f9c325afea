from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import job_spec
from tests.world.objects import MemoryObjects
from vidctl import codec, layout
from vidctl.progress import Progress
from vidctl.worker.progress import Advance, Pace, read
from vidctl.worker.report import Report

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


# --- the time that is left ----------------------------------------------------------------------------------------

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def paced(*steps: tuple[float, float]) -> Pace:
    pace = Pace(at=NOON)
    for share, seconds in steps:
        pace = pace.on(share, at(seconds))
    return pace


def test_nobody_knows_how_long_it_takes_before_something_is_encoded() -> None:
    assert Pace(at=NOON).remaining_seconds is None
    assert paced((0.04, 10), (0.08, 20), (0.1, 30)).remaining_seconds is None
    assert paced((0.1, 30), (0.2, 32)).remaining_seconds is None


def test_the_rest_takes_as_long_as_the_same_share_of_encoding_took_whatever_the_download_did() -> None:
    assert paced((0.08, 500), (0.1, 500), (0.4, 530)).remaining_seconds == pytest.approx(60)
    assert paced((0.1, 0), (0.4, 30), (0.7, 60)).remaining_seconds == pytest.approx(30)


def test_a_scene_that_is_hard_to_encode_changes_little_and_a_neighbour_that_stays_everything() -> None:
    steady = [(0.1 + seconds / 1000, float(seconds)) for seconds in range(0, 301, 5)]
    estimate = paced(*steady).remaining_seconds
    hard = paced(*steady, (0.4005, 305)).remaining_seconds
    assert estimate == pytest.approx(600)
    assert hard == pytest.approx(600, rel=0.1)
    slow = [(0.4 + seconds / 4000, 300.0 + seconds) for seconds in range(5, 601, 5)]
    assert paced(*steady, *slow).remaining_seconds == pytest.approx(0.45 * 4000, rel=0.05)


def test_a_standstill_makes_the_rest_longer_and_the_end_leaves_none() -> None:
    pace = paced((0.1, 0), (0.4, 30))
    assert (pace.on(0.4, at(60)).remaining_seconds or 0) > (pace.remaining_seconds or 0)
    assert pace.on(1.0, at(90)).remaining_seconds == 0


@given(st.lists(st.tuples(st.floats(-0.5, 1.5), st.floats(-100, 1e6))))
def test_an_estimate_is_never_negative_and_what_is_done_never_falls(steps: list[tuple[float, float]]) -> None:
    pace = Pace(at=NOON)
    for share, seconds in steps:
        before, pace = pace, pace.on(min(share, 1.0), at(seconds))
        assert pace.share >= before.share
        assert pace.remaining_seconds is None or pace.remaining_seconds >= 0


async def told(notes: Sequence[tuple[str, float, float]]) -> Progress:
    """Return what a report writes after notes of stage, share and the second at which they came."""
    now = [0.0]
    final = MemoryObjects("final", clock=lambda: NOON)
    job = job_spec()
    report = Report(final=final, job=job, clock=lambda: at(now[0]))
    for stage, ratio, now[0] in notes:
        report.note(stage, ratio)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await report.watch(every=timedelta(hours=1))
    body = final.body(layout.progress_key(job.key, job.job, job.number))
    assert body is not None
    return codec.decode(Progress, body)


async def test_a_report_says_what_is_left_and_ignores_a_stage_that_speaks_after_a_later_one() -> None:
    notes = [("encode", 0.0, 5.0), ("encode", 0.5, 41.0), ("probe", 1.0, 45.0), ("encode", 0.4, 46.0)]
    progress = await told(notes)
    assert (progress.stage, progress.ratio) == ("encode", 0.5)
    assert progress.remaining_seconds == pytest.approx(54)
