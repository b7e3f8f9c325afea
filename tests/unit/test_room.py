"""How much disk a job takes, by what the worker knows; and that the size which the reconciler picks has it."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import builders as b
from vidctl.disk import MOST_GROWTH, SPARE_BYTES
from vidctl.reconciler.glance import Seen
from vidctl.reconciler.policy import GIB
from vidctl.reconciler.sizing import IMAGE_GIB, need
from vidctl.worker import profiles
from vidctl.worker.recipes.profile import Profile, parse
from vidctl.worker.recipes.recipe import write
from vidctl.worker.recipes.room import needed_bytes
from vidctl.worker.source.media import AudioStream, Media, VideoStream

RUN = timedelta(hours=13)
HOUR = 3600.0
MB = 10**6


def film(seconds: float = HOUR, size: tuple[int, int] = (1920, 1080), rate: float = 30.0, sounds: int = 1) -> Media:
    video = VideoStream(
        index=0, codec="h264", width=size[0], height=size[1], sample_aspect=Fraction(1), frames_per_second=rate
    )
    audios = tuple(AudioStream(index=n, codec="aac", channels=2) for n in range(1, sounds + 1))
    return Media(container="mp4", duration_seconds=seconds, streams=1 + sounds, video=video, audios=audios)


def room(media: Media, source_bytes: int, profile: Profile | None = None, *, copied: bool = False) -> int:
    recipe = write(media, profile or parse(""), cube_path=None, loudness=(), copied=copied)
    return needed_bytes(recipe, media, source_bytes=source_bytes)


def test_an_hour_takes_the_most_that_each_output_may_have_and_the_one_file_once_more() -> None:
    bits = 6_000_000 + 3_200_000 + 1_500_000 + 800_000 + 6_000_000 + 3 * 128_000
    assert room(film(), 4 * GIB) == 4 * GIB + bits * 3600 // 8 + SPARE_BYTES


def test_a_profile_that_makes_less_takes_less() -> None:
    hour = film()
    usual, alone = room(hour, GIB), room(hour, GIB, profiles.load("progressive"))
    assert alone < usual
    assert room(hour, GIB, parse("{progressive: null}")) == usual - (6_000_000 + 128_000) * 450
    assert room(film(sounds=0), GIB) == usual - 3 * 128_000 * 450
    assert room(film(sounds=3), GIB) == usual + 2 * 128_000 * 450


def test_a_picture_that_is_copied_takes_what_the_source_has() -> None:
    copied, made = room(film(), GIB, copied=True), room(film(), GIB)
    assert made - copied == 2 * (6_000_000 * 450 - GIB)


def test_hours_of_a_still_picture_take_little_and_no_claim_makes_it_more() -> None:
    assert room(film(seconds=12 * HOUR, rate=1.0), MB) <= (1 + MOST_GROWTH) * MB + SPARE_BYTES
    assert room(film(seconds=-1.0), MB) == room(film(seconds=0.0), MB) == MB + SPARE_BYTES


@pytest.mark.parametrize("profile", profiles.names())
@given(
    seconds=st.floats(0.1, 12 * HOUR),
    size=st.tuples(st.integers(64, 8192), st.integers(64, 4320)),
    rate=st.floats(1, 240),
    sounds=st.integers(0, 8),
    source_bytes=st.integers(1000, 5 * GIB),
)
def test_the_disk_that_the_reconciler_picks_is_enough_for_what_the_worker_asks(
    profile: str, seconds: float, size: tuple[int, int], rate: float, sounds: int, source_bytes: int
) -> None:
    seen = Seen(
        duration_seconds=seconds,
        width=size[0],
        height=size[1],
        frames_per_second=rate,
        codec="avc1",
        streams=1 + sounds,
    )
    picked = need(b.source(size_bytes=source_bytes), seen, RUN).disk_gib - IMAGE_GIB
    asked = room(film(seconds, size, rate, sounds), source_bytes, profiles.load(profile))
    assert asked <= picked * GIB + 1
