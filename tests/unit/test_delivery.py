from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vidctl.http.playback.delivery import MOST_SIGNED, direct
from vidctl.http.playback.links import ROLES, expiry
from vidctl.worker import finish
from vidctl.worker.cmaf import dash, hls
from vidctl.worker.recipes import storyboard

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("seconds", "segments", "link", "signatures", "expected"),
    [
        (600, 100, 12 * HOUR, 30 * HOUR / 60, True),  # twice ten minutes, and ten minutes more
        (600, 100, 12 * HOUR, 29 * HOUR / 60, False),
        (28_800, MOST_SIGNED, 12 * HOUR, 12 * HOUR, True),  # nothing lasts longer than its link
        (28_800, MOST_SIGNED, 12 * HOUR, 11 * HOUR, False),
        (28_800, MOST_SIGNED + 1, 12 * HOUR, 12 * HOUR, False),
    ],
)
def test_a_playlist_is_signed_as_a_whole_if_that_lasts_and_is_soon_done(
    seconds: float, segments: int, link: timedelta, signatures: timedelta, *, expected: bool
) -> None:
    assert direct(seconds, segments, link=link, signatures=signatures) is expected


@pytest.mark.parametrize("minutes", [0, 1, 14, 15])
def test_links_end_on_the_quarter_of_an_hour_and_never_early(minutes: int) -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    end = expiry(noon + timedelta(minutes=minutes), HOUR)
    assert end.minute % 15 == end.second == 0
    assert HOUR <= end - (noon + timedelta(minutes=minutes)) < HOUR + timedelta(minutes=15)


def test_what_is_played_is_what_the_worker_makes() -> None:
    made = {hls.MULTIVARIANT, dash.MANIFEST, finish.VIDEO, finish.AUDIO, finish.POSTER, storyboard.TEXT}
    assert set(ROLES.values()) == made
