from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import builders
from tests.workbench import refuse
from tests.world.objects import MemoryObjects
from tests.world.seam import Around, undisturbed
from vidctl import layout
from vidctl.errors import Unavailable
from vidctl.folders import Entry, fold
from vidctl.records import Output
from vidctl.worker.publish import IMMUTABLE, Publish
from vidctl.worker.retry import Patience

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOB = builders.job_spec()
PREFIX = layout.attempt_prefix(JOB.key, JOB.job, JOB.number)


@pytest.fixture
def bucket() -> MemoryObjects:
    return MemoryObjects("final", clock=lambda: NOON)


def publish(bucket: MemoryObjects, around: Around = undisturbed) -> Publish:
    patience = Patience(tries=3, pause=timedelta(0))
    return Publish(final=bucket.through(around), job=JOB, patience=patience)


async def listed(bucket: MemoryObjects, folder: str) -> list[Entry]:
    return [
        Entry(name=stat.key.removeprefix(folder), size_bytes=stat.size_bytes, etag=stat.etag)
        async for stat in bucket.list(folder)
    ]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("master.m3u8", "application/vnd.apple.mpegurl"),
        ("manifest.mpd", "application/dash+xml"),
        ("video.mp4", "video/mp4"),
        ("audio.m4a", "audio/mp4"),
        ("storyboard.vtt", "text/vtt"),
        ("poster.jpg", "image/jpeg"),
    ],
)
async def test_a_file_is_an_output_of_its_own(
    bucket: MemoryObjects, tmp_path: Path, name: str, content_type: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"what is in it")
    publishing = publish(bucket)

    await publishing.file(path)

    stat = bucket.stat(PREFIX + name)
    assert stat is not None
    assert (stat.content_type, stat.cache_control, stat.size_bytes) == (content_type, IMMUTABLE, 13)
    assert publishing.outputs == (
        Output(
            name=name,
            key=PREFIX + name,
            content_type=content_type,
            size_bytes=13,
            sha256=hashlib.sha256(b"what is in it").hexdigest(),
            etag=stat.etag,
        ),
    )


async def test_a_small_file_is_told_of_as_a_large_one(bucket: MemoryObjects, tmp_path: Path) -> None:
    (tmp_path / "storyboard.vtt").write_bytes(b"WEBVTT\n")
    large, small = publish(bucket), publish(bucket)

    await large.file(tmp_path / "storyboard.vtt")
    await small.small("storyboard.vtt", b"WEBVTT\n")

    assert large.outputs == small.outputs


async def test_all_objects_of_a_folder_are_one_output_with_the_digest_of_its_listing(bucket: MemoryObjects) -> None:
    publishing = publish(bucket)

    for name, body in (("v360/00002.m4s", b"two"), ("v360/init.mp4", b"first"), ("a1/00001.m4s", b"sound")):
        await publishing.small(f"stream/{name}", body)

    (output,) = publishing.outputs
    folded = fold(await listed(bucket, f"{PREFIX}stream/"))
    assert (output.name, output.key, output.content_type) == ("stream/", f"{PREFIX}stream/", "application/x-directory")
    assert (output.size_bytes, output.sha256, output.etag) == (folded.size_bytes, folded.sha256, None)
    assert (folded.objects, folded.size_bytes) == (3, 13)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("v360/00001.m4s", "video/iso.segment"), ("v360/init.mp4", "video/mp4"), ("s1/subtitles.vtt", "text/vtt")],
)
async def test_what_is_in_a_folder_has_the_type_that_players_expect(
    bucket: MemoryObjects, name: str, content_type: str
) -> None:
    await publish(bucket).small(f"stream/{name}", b"")

    stat = bucket.stat(f"{PREFIX}stream/{name}")
    assert stat is not None
    assert (stat.content_type, stat.cache_control) == (content_type, IMMUTABLE)


async def test_files_come_in_their_order_and_folders_after_them(bucket: MemoryObjects) -> None:
    publishing = publish(bucket)

    for name in ("stream/v360/00001.m4s", "master.m3u8", "storyboard/00001.jpg", "manifest.mpd"):
        await publishing.small(name, b"")

    assert [output.name for output in publishing.outputs] == ["master.m3u8", "manifest.mpd", "stream/", "storyboard/"]


async def test_an_object_that_had_to_be_sent_twice_is_told_of_once(bucket: MemoryObjects) -> None:
    publishing = publish(bucket, refuse("objects.upload", Unavailable("no answer"), times=2))

    await publishing.small("stream/v360/00001.m4s", b"one")

    (output,) = publishing.outputs
    assert output.sha256 == fold(await listed(bucket, f"{PREFIX}stream/")).sha256
    assert output.size_bytes == 3


async def test_what_the_store_does_not_take_is_not_told_of(bucket: MemoryObjects) -> None:
    publishing = publish(bucket, refuse("objects.upload", Unavailable("no answer")))

    with pytest.raises(Unavailable):
        await publishing.small("stream/v360/00001.m4s", b"one")

    assert publishing.outputs == ()
