from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vidctl import layout
from vidctl.errors import Malformed
from vidctl.layout import RecordName
from vidctl.model import AttemptNumber, VideoKey

subjects = st.text(min_size=1, max_size=20)
users = subjects.map(layout.user_segment)
videos = st.uuids().map(str)
keys = st.builds(VideoKey, user_id=users, video_id=videos)
jobs = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26)
counts = st.integers(1, 10**6)
numbers = st.builds(AttemptNumber, counts, counts)
times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
entropy = st.binary(min_size=8, max_size=8)

KEY = VideoKey(user_id="alice", video_id="0193b5a0-0000-8000-8000-000000000000")
JOB = "a" * 26


# --- users --------------------------------------------------------------------------------------------------------


@given(subjects)
def test_a_user_segment_cannot_leave_its_prefix(subject: str) -> None:
    segment = layout.user_segment(subject)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", segment)
    assert segment.replace(".", "") != ""
    assert ".." not in segment


@given(subjects, subjects)
def test_two_users_never_share_a_segment(one: str, other: str) -> None:
    assume(one != other)
    assert layout.user_segment(one) != layout.user_segment(other)


@pytest.mark.parametrize(
    ("subject", "segment"),
    [
        ("alice", "alice"),
        ("auth0|5f7", "auth0.7C5f7"),
        ("a@b.c", "a.40b.2Ec"),
        ("..", ".2E.2E"),
        ("a/b", "a.2Fb"),
        ("ä", ".C3.A4"),
        ("a.2Fb", "a.2E2Fb"),
    ],
)
def test_a_segment_can_be_read(subject: str, segment: str) -> None:
    assert layout.user_segment(subject) == segment


@pytest.mark.parametrize("subject", ["", "x" * 257, "." * 100, "\ud800"])
def test_a_subject_that_makes_no_segment_is_refused(subject: str) -> None:
    with pytest.raises(Malformed, match=r"^sub: "):
        layout.user_segment(subject)


def test_the_longest_segment_leaves_room_for_the_longest_key() -> None:
    key = VideoKey(user_id=layout.user_segment("x" * layout.MAX_USER_SEGMENT), video_id=KEY.video_id)
    longest = layout.record_key(key, RecordName("dead-letter", JOB, 10**6, 10**6))
    assert len(longest) < 1024


# --- video ids ----------------------------------------------------------------------------------------------------


@given(users, times, entropy)
def test_a_video_id_tells_its_owner_when_it_was_made(user: str, at: datetime, random: bytes) -> None:
    video = layout.mint_video_id(user, at, random)
    assert layout.is_video_id(video)
    assert UUID(video).version == 8
    issued = layout.issued_at(user, video)
    assert issued is not None
    assert abs(issued - at) < timedelta(milliseconds=1)


def test_ids_that_were_handed_out_stay_valid() -> None:
    video = layout.mint_video_id("alice", datetime(2026, 11, 22, tzinfo=UTC), b"12345678")
    assert video == "01a2008d-7400-8313-88cc-d0e62ed2ea76"


def test_an_id_of_the_year_10000_was_made_up() -> None:
    last, first = layout._YEAR_10000 - 1, layout._YEAR_10000
    assert layout.issued_at("alice", made_up("alice", last)) == datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
    assert layout.issued_at("alice", made_up("alice", first)) is None


def made_up(user: str, millis: int) -> str:
    """Make an id for oneself, as whoever knows the code can."""
    check = layout._owner_check(user, millis, 0)
    return str(UUID(int=(millis << 80) | (8 << 76) | (2 << 62) | check))


@given(users, users, times, entropy)
def test_a_video_id_says_nothing_to_another_user(user: str, other: str, at: datetime, random: bytes) -> None:
    assume(user != other)
    assert layout.issued_at(other, layout.mint_video_id(user, at, random)) is None


@given(users, videos)
def test_a_made_up_id_was_never_issued(user: str, video: str) -> None:
    assert layout.issued_at(user, video) is None


@pytest.mark.parametrize("bit", [0, 41, 42, 61, 64, 75, 80, 127])
def test_a_changed_id_was_never_issued(bit: int) -> None:
    video = UUID(layout.mint_video_id("alice", datetime(2026, 11, 22, tzinfo=UTC), b"12345678"))
    assert layout.issued_at("alice", str(UUID(int=video.int ^ (1 << bit)))) is None


def test_ids_of_one_moment_differ() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert layout.mint_video_id("alice", at, b"1234") != layout.mint_video_id("alice", at, b"1235")


@pytest.mark.parametrize(
    "text", ["", "x", KEY.video_id.upper().replace("0", "A"), KEY.video_id.replace("-", ""), f"{KEY.video_id}\n"]
)
def test_only_a_canonical_uuid_is_a_video_id(text: str) -> None:
    assert not layout.is_video_id(text)


# --- jobs ---------------------------------------------------------------------------------------------------------


@given(st.text(), st.text(), st.text(), st.integers(1, 99), st.integers(1, 999))
def test_a_launch_token_is_what_ecs_takes(bucket: str, key: str, etag: str, round_: int, n: int) -> None:
    assume(not any("\ud800" <= letter <= "\udfff" for letter in bucket + key + etag))
    token = layout.launch_token(layout.job_id(bucket, key, etag), AttemptNumber(round_, n))
    assert re.fullmatch(r"[a-z2-7]{26}-[0-9]+-[0-9]+", token)
    assert len(token) <= 64


def test_another_upload_is_another_job() -> None:
    assert len({layout.job_id("raw", "k", "1"), layout.job_id("raw", "k", "2"), layout.job_id("raw2", "k", "1")}) == 3
    assert layout.job_id("raw", "k", "1") == layout.job_id("raw", "k", "1")


# --- keys ---------------------------------------------------------------------------------------------------------


@given(keys)
def test_a_raw_key_reads_back(key: VideoKey) -> None:
    assert layout.parse_raw_key(layout.raw_key(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "videos/",
        f"videos/{KEY.video_id}.mp4",
        f"videos/alice/{KEY.video_id}.MP4",
        f"videos/alice/{KEY.video_id.replace('b', 'B')}.mp4",
        f"videos/alice/{KEY.video_id}.mp4\n",
        f"videos/alice/x/{KEY.video_id}.mp4",
        f"videos/../{KEY.video_id}.mp4",
        f"videos/al ice/{KEY.video_id}.mp4",
        f"videos/a.2fb/{KEY.video_id}.mp4",
        f"/videos/alice/{KEY.video_id}.mp4",
        f"kept/alice/{KEY.video_id}/{JOB}.mp4",
    ],
)
def test_a_key_outside_the_scheme_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match=r"^key: "):
        layout.parse_raw_key(text)


@given(keys, jobs, numbers, st.text(min_size=1))
def test_the_key_of_an_output_tells_its_attempt(key: VideoKey, job: str, number: AttemptNumber, name: str) -> None:
    text = layout.attempt_prefix(key, job, number) + name
    assert layout.parse_attempt_key(text) == (key, job, number)
    assert layout.parse_video_folder(text) == key
    assert text.startswith(layout.outputs_prefix(key))


@given(keys, jobs, numbers)
def test_progress_belongs_to_its_attempt(key: VideoKey, job: str, number: AttemptNumber) -> None:
    assert layout.parse_attempt_key(layout.progress_key(key, job, number)) == (key, job, number)


@given(keys)
def test_a_manifest_belongs_to_no_attempt(key: VideoKey) -> None:
    assert layout.parse_attempt_key(layout.manifest_key(key)) is None
    assert layout.parse_video_folder(layout.manifest_key(key)) == key


@given(
    keys,
    st.one_of(
        st.just(RecordName("cancel", None)),
        jobs.map(lambda job: RecordName("kept", job)),
        st.tuples(st.sampled_from(["dead", "dead-letter", "round"]), jobs, counts).map(lambda name: RecordName(*name)),
        st.tuples(st.sampled_from(["intent", "result", "outcome"]), jobs, counts, counts).map(
            lambda name: RecordName(*name)
        ),
    ),
)
def test_the_key_of_a_record_reads_back(key: VideoKey, name: RecordName) -> None:
    text = layout.record_key(key, name)
    assert text.startswith(layout.records_prefix(key))
    assert layout.parse_record_key(text) == name
    assert layout.parse_video_folder(text) == key


@given(keys, keys)
def test_the_folders_of_two_videos_never_overlap(one: VideoKey, other: VideoKey) -> None:
    assume(one != other)
    for prefix in (layout.records_prefix, layout.outputs_prefix):
        assert not prefix(one).startswith(prefix(other))


def test_a_listing_shows_attempts_in_order() -> None:
    names = [RecordName("intent", JOB, number // 200 + 1, number % 200 + 1) for number in range(400)]
    texts = [layout.record_key(KEY, name) for name in names]
    assert texts == sorted(texts)


@pytest.mark.parametrize(
    "text", ["", "jobs/alice/x.json", f"jobs/{KEY}/{JOB}/notes.txt", f"videos/{KEY}/manifest.json"]
)
def test_an_object_that_is_no_record_has_no_name(text: str) -> None:
    assert layout.parse_record_key(text) is None


@pytest.mark.parametrize("text", ["", "videos/", "videos/alice/", f"videos/alice/{KEY.video_id}.mp4", "other/x"])
def test_an_object_of_no_video_has_no_folder(text: str) -> None:
    assert layout.parse_video_folder(text) is None
