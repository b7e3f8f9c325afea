"""What a glance shows, what it costs, and that it refuses nothing that the worker might publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from tests import builders as b
from tests import files
from tests.media import Clips, program
from tests.world.objects import MemoryObjects
from vidctl.errors import NotFound, PreconditionFailed
from vidctl.metrics import Metrics
from vidctl.model import Source
from vidctl.reconciler.glance import Hopeless, Seen, Sight, Unknown
from vidctl.reconciler.glancing import HEAD_BYTES, INDEX_BYTES, Glancing
from vidctl.reconciler.policy import InputLimits
from vidctl.worker.failure import Failed
from vidctl.worker.ffmpeg.confinement import Confinement
from vidctl.worker.probe import Probe
from vidctl.worker.source import media
from vidctl.worker.source.media import Limits

HOURS = 12 * 3600.0
HOPELESS = {
    "text": "not_a_video",
    "playlist": "not_a_video",
    "script": "not_a_video",
    "matroska": "not_a_video",
    "jpeg": "not_a_video",
    "audio_only": "no_video_stream",
    "only_cover_art": "no_video_stream",
}
LEFT_TO_THE_WORKER = ("cut_moov_first", "cut_moov_last", "cut_fragments", "damaged", "fragmented", "cover_art", "mpeg4")


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.getbasetemp() / "clips")


class Eye:
    """Glances at files, and knows what it read."""

    def __init__(self, limits: InputLimits | None = None) -> None:
        self.reads = 0
        self.metrics = Metrics(CollectorRegistry())
        self.raw = MemoryObjects("raw", clock=lambda: b.NOW, around=self._count)
        self._glancing = Glancing(self.raw, limits=limits or InputLimits(), metrics=self.metrics)

    @asynccontextmanager
    async def _count(self, _operation: str) -> AsyncIterator[None]:
        self.reads += 1
        yield

    def put(self, file: bytes) -> Source:
        etag = self.raw.put("key", file)
        return replace(b.source(etag=etag, size_bytes=len(file)), key="key")

    async def at(self, source: Source) -> Sight:
        return (await self._glancing.at(source)).sight

    async def look(self, file: bytes) -> Sight:
        return await self.at(self.put(file))

    @property
    def bytes_read(self) -> float:
        return self.metrics.registry.get_sample_value("vidctl_glance_read_bytes_total") or 0.0


def inspector() -> Probe:
    confinement = Confinement(mode="preferred", memory_bytes=None, file_bytes=1024**3)
    minute = timedelta(minutes=1)
    return Probe(ffprobe=program("ffprobe"), confinement=confinement, deadline=minute, stop_grace=minute)


# --- what it costs --------------------------------------------------------------------------------------------------


async def test_an_index_that_comes_first_takes_one_read_however_long_its_tables_are() -> None:
    eye, big = Eye(), files.box("free", bytes(200_000))
    file = files.FTYP + files.moov(60, files.video(60), big, files.other(60)) + files.box("mdat", bytes(10))
    assert await eye.look(file) == b.seen_inside(60, streams=1)
    assert (eye.reads, eye.bytes_read) == (1, HEAD_BYTES)


async def test_an_index_that_comes_last_takes_two_reads_and_none_of_the_media() -> None:
    eye, index = Eye(), files.moov(60, files.video(60), files.other(60))
    assert await eye.look(files.mp4(bytes(500_000), index=index)) == b.seen_inside(60)
    assert (eye.reads, eye.bytes_read) == (2, HEAD_BYTES + len(index))


async def test_an_index_that_begins_with_something_else_takes_one_more() -> None:
    eye = Eye()
    sound = files.box("trak", files.other(60)[8:], files.box("free", bytes(100_000)))
    file = files.FTYP + files.moov(60, sound, files.video(60)) + files.box("mdat", bytes(10))
    assert await eye.look(file) == b.seen_inside(60)
    assert eye.reads == 2


@pytest.mark.parametrize("parts", [1, 2, 3])
async def test_no_file_takes_more_than_three_reads_and_eight_megabytes(parts: int) -> None:
    eye = Eye()
    media = files.box("mdat", bytes(INDEX_BYTES + HEAD_BYTES)) * parts
    index = files.moov(60, files.box("free", bytes(INDEX_BYTES + 1)), files.video(60))
    assert isinstance(await eye.look(files.FTYP + media + index), Unknown)
    assert eye.reads <= 3
    assert eye.bytes_read <= HEAD_BYTES + 2 * INDEX_BYTES


async def test_of_an_index_that_is_larger_than_is_read_the_beginning_is_enough() -> None:
    eye = Eye()
    index = files.moov(HOURS, files.video(HOURS), files.box("free", bytes(INDEX_BYTES)), files.other(HOURS))
    assert await eye.look(files.mp4(bytes(HEAD_BYTES), index=index)) == b.seen_inside(HOURS, streams=1)


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOPELESS)
async def test_what_is_refused_at_a_glance_the_worker_refuses_with_the_same_word(name: str, clips: Clips) -> None:
    sight = await Eye().look(clips.read(name))
    assert isinstance(sight, Hopeless)
    with pytest.raises(Failed) as refusal:
        await inspector().inspect(clips.get(name))
    told = refusal.value.failure
    assert sight.code == told.code == HOPELESS[name]
    assert told.detail.startswith(sight.detail), "of cover art only the worker knows"


@pytest.mark.parametrize(
    "limits",
    [
        InputLimits(duration=timedelta(seconds=0.5)),
        InputLimits(pixels=100),
        InputLimits(streams=1),
    ],
)
async def test_what_is_over_a_limit_the_worker_refuses_with_the_same_words(limits: InputLimits, clips: Clips) -> None:
    sight = await Eye(limits).look(clips.read("good"))
    worker = Limits(
        duration_seconds=limits.duration.total_seconds(),
        pixels=limits.pixels,
        streams=limits.streams,
        frames_per_second=1000,
    )
    with pytest.raises(Failed) as refusal:
        media.check(await inspector().inspect(clips.get("good")), worker)
    assert sight == Hopeless(code="over_limits", detail=refusal.value.failure.detail)


@pytest.mark.parametrize("name", LEFT_TO_THE_WORKER)
async def test_what_is_damaged_or_unusual_is_left_to_the_worker(name: str, clips: Clips) -> None:
    assert not isinstance(await Eye().look(clips.read(name)), Hopeless)


LONG, LARGE = 13 * 3600.0, (20_000, 20_000)


@pytest.mark.parametrize(
    ("index", "code"),
    [
        (files.moov(LONG, files.video(LONG), files.other(LONG)), "over_limits"),
        (files.moov(60, files.video(60, *LARGE)), "over_limits"),
        (files.moov(60, files.video(60), *[files.other(60)] * 1000), "over_limits"),
        (files.moov(60, files.other(60), files.other(60, ("tmcd", "tmcd"))), "no_video_stream"),
        # One claim among others is no evidence.
        (files.moov(LONG, files.video(60)), None),
        (files.moov(60, files.video(LONG)), None),
        (files.moov(LONG, files.video(LONG), files.other(60)), None),
        (files.moov(60, files.video(60, *LARGE, shown=(1920, 1080))), None),
        (files.moov(60, files.video(60, shown=LARGE)), None),
        # Cover art, and what the worker may not decode.
        (files.moov(60, files.video(60, *LARGE, codec="jpeg")), None),
        (files.moov(60, files.video(60, *LARGE, codec="what")), None),
        # What ffmpeg may take for a picture.
        (files.moov(60, files.other(60, ("soun", "avc1"))), None),
        (files.moov(60, files.other(60, ("what", "mp4a"))), None),
        (files.moov(60, files.other(60), files.other(60, ("pict", "hvc1"))), None),
        (files.moov(60), None),
        # Fragments tell what they are, and not how long.
        (files.moov(LONG, files.video(LONG), extends=files.box("mvex")), None),
        (files.moov(0, files.other(0), extends=files.box("mvex")), "no_video_stream"),
    ],
)
async def test_only_evidence_that_is_certain_refuses(index: bytes, code: str | None) -> None:
    sight = await Eye().look(files.mp4(index=index))
    assert (sight.code if isinstance(sight, Hopeless) else None) == code


async def test_an_index_of_which_a_part_was_read_says_nothing_of_what_is_missing() -> None:
    more = files.box("free", bytes(INDEX_BYTES))
    index = files.moov(60, files.other(60), more, files.video(60))
    assert isinstance(await Eye().look(files.mp4(index=index)), Unknown)


async def test_the_largest_picture_is_the_one_that_counts() -> None:
    small, large = files.video(60, 640, 360), files.video(60, 3840, 2160, codec="hvc1", fps=60)
    sight = await Eye().look(files.mp4(index=files.moov(60, small, large)))
    assert sight == b.seen_inside(60, 3840, 2160, codec="hvc1", frames_per_second=60.0)


# --- what it is that is looked at -----------------------------------------------------------------------------------


async def test_an_object_that_has_changed_since_is_not_taken_for_the_source() -> None:
    eye = Eye()
    source = eye.put(files.mp4())
    eye.raw.put("key", b"this is no video")
    with pytest.raises(PreconditionFailed):
        await eye.at(source)
    eye.raw.remove("key")
    with pytest.raises(NotFound):
        await eye.at(source)


async def test_a_kept_copy_is_read_where_it_is() -> None:
    eye = Eye()
    etag = eye.raw.put("kept/copy", files.mp4(index=files.moov(60, files.video(60))), etag="another-2")
    size = len(eye.raw.body("kept/copy") or b"")
    source = replace(b.source(size_bytes=size), key="kept/copy", etag=etag)
    assert isinstance(await eye.at(source), Seen)


def test_every_look_is_counted_by_what_it_showed() -> None:
    eye = Eye()

    async def looks() -> None:
        await eye.look(b"text")
        await eye.look(files.mp4())
        await eye.look(files.mp4(index=files.moov(60, files.video(60))))

    asyncio.run(looks())
    sights = ("hopeless", "unknown", "seen")
    values = [eye.metrics.registry.get_sample_value("vidctl_glances_total", {"sight": sight}) for sight in sights]
    assert values == [1.0, 1.0, 1.0]
