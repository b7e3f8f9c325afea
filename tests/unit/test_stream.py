"""What goes up of the tracks of one attempt, and that it is what they are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import builders
from tests.corpus.captions import message
from tests.fragmented import AAC_LC_STEREO, audio_entry, esds, fragment, head
from tests.world.objects import MemoryObjects
from vidctl import layout
from vidctl.groups import TaskGroup
from vidctl.worker.cmaf.segments import Segment
from vidctl.worker.decoding import Decoding
from vidctl.worker.failure import Failed
from vidctl.worker.publish import Publish
from vidctl.worker.recipes import recipe
from vidctl.worker.recipes.profile import Profile, parse
from vidctl.worker.retry import Patience
from vidctl.worker.source.media import AudioStream, Media, VideoStream
from vidctl.worker.stream import Stream
from vidctl.worker.tail import Tail

JOB = builders.job_spec()
PREFIX = layout.attempt_prefix(JOB.key, JOB.job, JOB.number)
MEDIA = Media(
    container="mov",
    duration_seconds=8.0,
    streams=2,
    video=VideoStream(index=0, codec="h264", width=640, height=360),
    audios=(AudioStream(index=1, codec="aac", channels=2),),
)
PICTURE = head() + b"".join(fragment(180_000 * n, durations=(90_000, 90_000)) for n in range(4))
SOUND_HEAD = head(audio_entry(extra=esds(AAC_LC_STEREO)), timescale=48_000)
SOUND = SOUND_HEAD + b"".join(fragment(96_000 * n, durations=(96_000,)) for n in range(4))


class Given(Decoding):
    """Notes what it is given to decode."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.ended = False

    def take(self, tail: Tail, segments: Iterable[Segment]) -> None:
        self.names += [f"stream/{tail.name}/{segment.name}" for segment in segments]

    def end(self) -> None:
        self.ended = True


@dataclass
class Attempt:
    """A stream over files that a test writes, and the bucket that it goes to."""

    directory: Path
    profile: Profile

    def __post_init__(self) -> None:
        self.decoding = Given()
        self.bucket = MemoryObjects("final", clock=lambda: datetime(2026, 1, 1, 12, tzinfo=UTC))
        publish = Publish(final=self.bucket, job=JOB, patience=Patience(tries=1, pause=timedelta(0)))
        planned = recipe.write(MEDIA, self.profile, cube_path=None, loudness=())
        self.stream = Stream(planned, self.directory, publish=publish, uploads=2)

    def write(self, *, picture: bytes = PICTURE, sound: bytes = SOUND) -> None:
        (self.directory / "v360.mp4").write_bytes(picture)
        (self.directory / "a1.mp4").write_bytes(sound)

    @property
    def uploaded(self) -> list[str]:
        return [key.removeprefix(PREFIX) for key in self.bucket.keys(PREFIX)]


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    attempt = Attempt(directory=tmp_path, profile=Profile())
    with closing(attempt.stream):
        yield attempt


SEGMENTS = ["stream/a1/00001.m4s", "stream/a1/00002.m4s", "stream/v360/00001.m4s", "stream/v360/00002.m4s"]


async def test_segments_go_up_and_nothing_that_names_them(attempt: Attempt) -> None:
    attempt.write()

    await attempt.stream.finish(attempt.decoding)

    assert attempt.uploaded == SEGMENTS
    await attempt.stream.check()


async def test_every_segment_is_decoded(attempt: Attempt) -> None:
    attempt.write()

    await attempt.stream.finish(attempt.decoding)

    assert sorted(attempt.decoding.names) == SEGMENTS
    assert attempt.decoding.ended


async def test_what_is_whole_goes_up_before_the_end_and_is_not_sent_again(attempt: Attempt) -> None:
    attempt.write()
    ended = asyncio.Event()
    async with TaskGroup() as group:
        group.create_task(attempt.stream.follow(ended, attempt.decoding))
        await asyncio.sleep(0)
        ended.set()

    assert attempt.uploaded == ["stream/a1/00001.m4s", "stream/v360/00001.m4s"]
    attempt.bucket.remove(f"{PREFIX}stream/v360/00001.m4s")
    await attempt.stream.finish(attempt.decoding)

    assert attempt.uploaded == [name for name in SEGMENTS if name != "stream/v360/00001.m4s"]


async def test_the_playlists_and_the_heads_go_up_once_all_is_known(attempt: Attempt) -> None:
    attempt.write()
    await attempt.stream.finish(attempt.decoding)

    await attempt.stream.describe()

    assert sorted(set(attempt.uploaded) - set(SEGMENTS)) == [
        "manifest.mpd",
        "master.m3u8",
        "stream/a1/index.m3u8",
        "stream/a1/init.mp4",
        "stream/v360/iframes.m3u8",
        "stream/v360/index.m3u8",
        "stream/v360/init.mp4",
    ]


async def test_players_are_told_of_captions_within_the_picture(attempt: Attempt) -> None:
    spoken = message((0xFC, 0x14, 0x20))
    attempt.write(picture=PICTURE[: -len(spoken)] + spoken)
    await attempt.stream.finish(attempt.decoding)

    assert (await attempt.stream.describe()).captions == ("CC1",)


async def test_a_segment_that_is_not_what_is_in_the_file_fails_the_attempt(attempt: Attempt, tmp_path: Path) -> None:
    attempt.write()
    await attempt.stream.finish(attempt.decoding)
    (tmp_path / "v360.mp4").write_bytes(PICTURE[:-1] + b"\xff")

    with pytest.raises(Failed) as raised:
        await attempt.stream.check()

    assert raised.value.failure.code == "verify_failed"
    assert raised.value.failure.detail == "stream/v360/00002.m4s was not published as it was made"


async def test_a_sound_track_that_holds_nothing_is_left_out(attempt: Attempt) -> None:
    attempt.write(sound=SOUND_HEAD)

    await attempt.stream.finish(attempt.decoding)

    assert attempt.stream.audios == []
    assert attempt.uploaded == ["stream/v360/00001.m4s", "stream/v360/00002.m4s"]


async def test_a_picture_that_never_came_is_no_stream(attempt: Attempt) -> None:
    with pytest.raises(Failed, match=r"v360.mp4: ffmpeg wrote no media"):
        await attempt.stream.finish(attempt.decoding)


async def test_a_profile_without_a_stream_uploads_none_and_is_held_to_none(tmp_path: Path) -> None:
    attempt = Attempt(directory=tmp_path, profile=parse("stream: null"))
    attempt.write()

    with closing(attempt.stream):
        await attempt.stream.finish(attempt.decoding)
        await attempt.stream.check()

    assert attempt.uploaded == []
