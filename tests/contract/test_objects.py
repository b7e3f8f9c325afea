"""What every ``Objects`` does."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.gaps import gap
from tests.contract.worlds import EmulatedWorld, World, now
from vidctl.clients import Client
from vidctl.errors import Misconfigured, NotFound, PreconditionFailed, WriteConflict
from vidctl.multipart import Parts
from vidctl.ports import MAY_CHANGE, Objects
from vidctl.s3 import BATCH, PAGE

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "videos/alice/0193.mp4"
ODD_KEY = "videos/a.20b/x +é?versionId=1&%2F#.mp4"
TEXT = "text/plain"
FOR_EVER = "public, max-age=31536000, immutable"


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


async def test_a_missing_object_reads_as_none(objects: Objects) -> None:
    assert await objects.head(KEY) is None
    assert await objects.get(KEY) is None


async def test_what_is_created_reads_back(objects: Objects) -> None:
    began = now().replace(microsecond=0)
    etag = await objects.create(KEY, b"body", content_type=TEXT)
    stored, stat = await objects.get(KEY), await objects.head(KEY)
    assert stored is not None
    assert (stored.body, stored.etag) == (b"body", etag)
    assert etag == md5(b"body")
    assert stat is not None
    assert (stat.key, stat.etag, stat.size_bytes) == (KEY, etag, 4)
    assert (stat.content_type, stat.cache_control) == (TEXT, MAY_CHANGE)
    assert began <= stat.last_modified <= now()
    assert stat.last_modified.utcoffset() == timedelta()


async def test_a_second_creation_is_refused_and_changes_nothing(objects: Objects) -> None:
    etag = await objects.create(KEY, b"first", content_type=TEXT)
    with pytest.raises(PreconditionFailed):
        await objects.create(KEY, b"second", content_type=TEXT)
    stored = await objects.get(KEY)
    assert stored is not None
    assert (stored.body, stored.etag) == (b"first", etag)


async def test_of_racing_creations_one_wins(objects: Objects) -> None:
    async def create(number: int) -> bool:
        try:
            await objects.create(KEY, b"%d" % number, content_type=TEXT)
        except (PreconditionFailed, WriteConflict):
            return False
        return True

    assert sum(await asyncio.gather(*(create(number) for number in range(8)))) == 1


async def test_creation_after_deletion_succeeds(objects: Objects) -> None:
    await objects.create(KEY, b"first", content_type=TEXT)
    await objects.delete(KEY)
    await objects.create(KEY, b"second", content_type=TEXT)
    stored = await objects.get(KEY)
    assert stored is not None
    assert stored.body == b"second"


async def test_a_delete_marker_counts_as_absent(versioned: Objects) -> None:
    etag = await versioned.create(KEY, b"first", content_type=TEXT)
    await versioned.delete(KEY, if_match=etag)
    assert await versioned.head(KEY) is None
    assert await versioned.get(KEY) is None
    assert [stat.key async for stat in versioned.list("")] == []
    await versioned.delete(KEY)
    await versioned.create(KEY, b"second", content_type=TEXT)
    stored = await versioned.get(KEY)
    assert stored is not None
    assert stored.body == b"second"


async def test_replacing_needs_the_current_etag(objects: Objects) -> None:
    first = await objects.create(KEY, b"first", content_type=TEXT)
    second = await objects.replace(KEY, b"second", content_type=TEXT, if_match=first)
    assert second == md5(b"second")
    with pytest.raises(PreconditionFailed):
        await objects.replace(KEY, b"third", content_type=TEXT, if_match=first)
    stored = await objects.get(KEY)
    assert stored is not None
    assert (stored.body, stored.etag) == (b"second", second)


async def test_replacing_what_is_gone_says_so(objects: Objects) -> None:
    with pytest.raises(NotFound):
        await objects.replace(KEY, b"body", content_type=TEXT, if_match=md5(b"body"))
    assert await objects.head(KEY) is None


async def test_overwriting_asks_nothing(objects: Objects) -> None:
    for body in (b"first", b"second"):
        await objects.overwrite(KEY, body, content_type=TEXT)
    stored = await objects.get(KEY)
    assert stored is not None
    assert stored.body == b"second"


async def test_deleting_needs_the_named_etag(objects: Objects) -> None:
    etag = await objects.create(KEY, b"body", content_type=TEXT)
    with pytest.raises(PreconditionFailed):
        await objects.delete(KEY, if_match=md5(b"other"))
    assert await objects.head(KEY) is not None
    await objects.delete(KEY, if_match=etag)
    assert await objects.head(KEY) is None


async def test_deleting_what_is_absent_succeeds(objects: Objects) -> None:
    await objects.delete(KEY)
    await objects.delete(KEY, if_match=md5(b"body"))


async def test_a_range_ends_before_its_end(objects: Objects) -> None:
    etag = await objects.create(KEY, b"0123456789", content_type=TEXT)
    assert await objects.read_range(KEY, start=2, end=5, if_match=etag) == b"234"
    assert await objects.read_range(KEY, start=8, end=100, if_match=etag) == b"89"


async def test_a_range_of_a_changed_object_is_refused(objects: Objects) -> None:
    await objects.create(KEY, b"0123456789", content_type=TEXT)
    with pytest.raises(PreconditionFailed):
        await objects.read_range(KEY, start=0, end=5, if_match=md5(b"other"))


async def test_a_range_of_a_missing_object_is_refused(objects: Objects) -> None:
    with pytest.raises(NotFound):
        await objects.read_range(KEY, start=0, end=5, if_match=md5(b"other"))


async def test_a_range_beyond_the_end_is_refused(objects: Objects) -> None:
    etag = await objects.create(KEY, b"0123456789", content_type=TEXT)
    with pytest.raises(Misconfigured):
        await objects.read_range(KEY, start=10, end=20, if_match=etag)


async def test_an_uploaded_file_keeps_its_sha256(objects: Objects, tmp_path: Path) -> None:
    body = bytes(range(256)) * 4096
    path = tmp_path / "video.mp4"
    path.write_bytes(body)
    sha256 = hashlib.sha256(body).hexdigest()
    etag = await objects.upload_file(KEY, path, content_type="video/mp4", sha256=sha256)
    assert etag == md5(body)
    stat = await objects.head(KEY)
    assert stat is not None
    assert (stat.etag, stat.sha256) == (etag, sha256)
    assert (stat.size_bytes, stat.content_type) == (len(body), "video/mp4")
    assert await objects.read_range(KEY, start=300, end=302, if_match=stat.etag) == body[300:302]


async def test_an_empty_file_is_a_file(objects: Objects, tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.write_bytes(b"")
    sha256 = hashlib.sha256(b"").hexdigest()
    await objects.upload_file(KEY, path, content_type="video/mp4", sha256=sha256)
    stat = await objects.head(KEY)
    assert stat is not None
    assert (stat.sha256, stat.size_bytes) == (sha256, 0)


@gap(moto="keeps any checksum that it is told")
async def test_a_file_that_is_not_what_was_said_is_refused(objects: Objects, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"broken on the way")
    with pytest.raises(Misconfigured):
        await objects.upload_file(KEY, path, content_type="video/mp4", sha256=hashlib.sha256(b"as it was").hexdigest())
    assert await objects.head(KEY) is None


async def test_a_small_body_is_written_over_what_was_there_and_keeps_its_sha256(objects: Objects) -> None:
    for body in (b"first", b"second", b"second", b"", bytes(2 * 1024**2)):
        sha256 = hashlib.sha256(body).hexdigest()
        etag = await objects.upload(ODD_KEY, body, content_type=TEXT, sha256=sha256, cache_control=FOR_EVER)
        assert etag == md5(body)
        stat = await objects.head(ODD_KEY)
        assert stat is not None
        assert (stat.etag, stat.sha256, stat.size_bytes) == (md5(body), sha256, len(body))
        assert (stat.content_type, stat.cache_control) == (TEXT, FOR_EVER)
        assert [(listed.etag, listed.size_bytes) async for listed in objects.list("")] == [(md5(body), len(body))]


@gap(moto="keeps any checksum that it is told")
async def test_a_small_body_that_is_not_what_was_said_is_refused(objects: Objects) -> None:
    with pytest.raises(Misconfigured):
        await objects.upload(KEY, b"broken", content_type=TEXT, sha256=hashlib.sha256(b"as it was").hexdigest())
    assert await objects.head(KEY) is None


# --- in parts -----------------------------------------------------------------------------------------------------

MIB = 1024**2
SMALL_PARTS = Parts(threshold_bytes=5 * MIB, part_bytes=5 * MIB, at_once=2)
"""S3's smallest parts, so that a small file has several."""


def in_parts(*sizes: int) -> tuple[list[bytes], str]:
    """Return the parts of a file, and the ETag that S3 gives them together."""
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    sums = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    return parts, f"{md5(sums)}-{len(parts)}"


async def test_a_large_file_goes_in_parts_and_is_one_object(world: World, tmp_path: Path) -> None:
    objects = await world.objects(parts=SMALL_PARTS)
    parts, expected = in_parts(5 * MIB, 5 * MIB, 5 * MIB, 7)
    path = tmp_path / "video.mp4"
    path.write_bytes(body := b"".join(parts))
    sha256 = hashlib.sha256(body).hexdigest()
    for _ in range(2):
        etag = await objects.upload_file(ODD_KEY, path, content_type="video/mp4", sha256=sha256, cache_control=FOR_EVER)
        assert etag == expected, "the same file is always cut alike"
    stat = await objects.head(ODD_KEY)
    assert stat is not None
    assert (stat.etag, stat.size_bytes, stat.content_type) == (etag, len(body), "video/mp4")
    assert stat.cache_control == FOR_EVER
    assert [listed.etag async for listed in objects.list("")] == [etag]
    assert await objects.read_range(ODD_KEY, start=5 * MIB - 1, end=5 * MIB + 1, if_match=etag) == b"\0\1"
    assert await objects.read_range(ODD_KEY, start=15 * MIB - 1, end=len(body), if_match=etag) == b"\2" + parts[3]
    assert await world.unfinished(objects) == 0


@gap(moto="tells the checksum of checksums as if it were that of the whole")
async def test_of_a_file_in_parts_the_store_tells_no_sha256(world: World, tmp_path: Path) -> None:
    objects = await world.objects(parts=SMALL_PARTS)
    path = tmp_path / "video.mp4"
    path.write_bytes(body := bytes(6 * MIB))
    etag = await objects.upload_file(KEY, path, content_type=TEXT, sha256=hashlib.sha256(body).hexdigest())
    stat = await objects.head(KEY)
    assert stat is not None
    assert (stat.etag, stat.sha256) == (etag, None)


async def test_a_file_of_just_the_threshold_goes_whole(world: World, tmp_path: Path) -> None:
    objects = await world.objects(parts=SMALL_PARTS)
    path = tmp_path / "video.mp4"
    path.write_bytes(body := bytes(5 * MIB))
    sha256 = hashlib.sha256(body).hexdigest()
    assert await objects.upload_file(KEY, path, content_type="video/mp4", sha256=sha256) == md5(body)
    stat = await objects.head(KEY)
    assert stat is not None
    assert stat.sha256 == sha256


async def test_a_large_file_that_is_not_what_was_said_is_refused_and_leaves_nothing(
    world: World, tmp_path: Path
) -> None:
    objects = await world.objects(parts=SMALL_PARTS)
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(6 * MIB))
    with pytest.raises(Misconfigured):
        await objects.upload_file(KEY, path, content_type="video/mp4", sha256=hashlib.sha256(b"as it was").hexdigest())
    assert await objects.head(KEY) is None
    assert await world.unfinished(objects) == 0


class Stuck(Client):
    """A client whose calls of one kind never come back."""

    def __init__(self, client: Client, operation: str) -> None:
        self._through = client
        self._operation = operation
        self.reached = asyncio.Event()

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        if operation == self._operation:
            self.reached.set()
            await asyncio.Event().wait()
        return await self._through.call(operation, **parameters)


@pytest.mark.parametrize("emulator", ["ministack", "moto"])
@pytest.mark.parametrize("operation", ["upload_part", "complete_multipart_upload"])
async def test_an_upload_that_is_cancelled_leaves_nothing(
    request: pytest.FixtureRequest, emulator: str, operation: str, tmp_path: Path
) -> None:
    world: EmulatedWorld = request.getfixturevalue(f"{emulator}_world")
    objects = await world.objects(parts=SMALL_PARTS)
    objects._files = stuck = Stuck(objects._files, operation)
    path = tmp_path / "video.mp4"
    path.write_bytes(body := bytes(6 * MIB))
    uploading = asyncio.ensure_future(
        objects.upload_file(KEY, path, content_type="video/mp4", sha256=hashlib.sha256(body).hexdigest())
    )
    await stuck.reached.wait()
    assert await world.unfinished(objects) == 1
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    assert await world.unfinished(objects) == 0
    assert await objects.head(KEY) is None


# --- many at once -------------------------------------------------------------------------------------------------


async def test_many_objects_are_removed_at_once_and_what_is_absent_is_no_error(objects: Objects) -> None:
    for key in ("a/1", "a/2", ODD_KEY, "b/1"):
        await objects.create(key, b"body", content_type=TEXT)
    await objects.delete_many(["a/1", "absent", ODD_KEY, "a/2", "a/2"])
    assert [stat.key async for stat in objects.list("")] == ["b/1"]
    await objects.delete_many([])
    assert [stat.key async for stat in objects.list("")] == ["b/1"]


async def test_more_objects_are_removed_than_one_call_can_name(objects: Objects) -> None:
    keys = [f"many/{number:04}" for number in range(BATCH + 2)]
    for key in (keys[0], keys[-2], keys[-1]):
        await objects.create(key, b"", content_type=TEXT)
    await objects.delete_many(keys[:-1])
    assert [stat.key async for stat in objects.list("many/")] == keys[-1:]


async def test_many_objects_of_a_versioned_bucket_are_hidden_under_markers(versioned: Objects) -> None:
    await versioned.create(KEY, b"first", content_type=TEXT)
    await versioned.delete_many([KEY])
    assert await versioned.head(KEY) is None
    await versioned.create(KEY, b"second", content_type=TEXT)


# ------------------------------------------------------------------------------------------------------------------


async def test_a_copy_is_the_same_object_elsewhere(objects: Objects, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"body")
    sha256 = hashlib.sha256(b"body").hexdigest()
    await objects.upload_file(ODD_KEY, path, content_type="video/mp4", sha256=sha256, cache_control=FOR_EVER)
    copied = await objects.copy(ODD_KEY, f"kept/{ODD_KEY}", if_match=md5(b"body"))
    assert (copied.key, copied.etag, copied.size_bytes) == (f"kept/{ODD_KEY}", md5(b"body"), 4)
    assert (copied.content_type, copied.cache_control) == ("video/mp4", FOR_EVER)
    assert await objects.head(f"kept/{ODD_KEY}") == copied
    assert await objects.head(ODD_KEY) is not None


async def test_what_is_too_large_for_one_copy_is_copied_in_parts(world: World) -> None:
    small = Parts(copied_above_bytes=5 * MIB, copied_bytes=5 * MIB, at_once=2)
    objects = await world.objects(parts=small)
    body = b"".join(in_parts(5 * MIB, 5 * MIB, 5 * MIB, 7)[0])
    etag = await objects.create(ODD_KEY, body, content_type="video/mp4")
    copied = await objects.copy(ODD_KEY, "kept/copy.mp4", if_match=etag)
    assert (copied.size_bytes, copied.content_type) == (len(body), "video/mp4")
    assert await objects.read_range("kept/copy.mp4", start=0, end=len(body), if_match=copied.etag) == body
    with pytest.raises(PreconditionFailed):
        await objects.copy(ODD_KEY, "kept/other.mp4", if_match=md5(b"other"))
    assert await objects.head("kept/other.mp4") is None
    assert await world.unfinished(objects) == 0


async def test_copying_needs_the_named_etag(objects: Objects) -> None:
    await objects.create(KEY, b"body", content_type=TEXT)
    with pytest.raises(PreconditionFailed):
        await objects.copy(KEY, "kept/copy.mp4", if_match=md5(b"other"))
    assert await objects.head("kept/copy.mp4") is None


async def test_copying_what_is_gone_says_so(objects: Objects) -> None:
    with pytest.raises(NotFound):
        await objects.copy(KEY, "kept/copy.mp4", if_match=md5(b"body"))


async def test_a_listing_is_in_the_order_of_keys_and_keeps_to_its_prefix(objects: Objects) -> None:
    for key in ("b/2", "a/9", "b/10", "b", "b/1", "c", "b0"):
        await objects.create(key, key.encode(), content_type=TEXT)
    listed = [stat async for stat in objects.list("b/")]
    assert [stat.key for stat in listed] == ["b/1", "b/10", "b/2"]
    assert [(stat.etag, stat.size_bytes) for stat in listed] == [
        (md5(k.encode()), len(k)) for k in ("b/1", "b/10", "b/2")
    ]
    assert [stat.key async for stat in objects.list("d")] == []


async def test_a_listing_has_as_many_pages_as_it_needs(objects: Objects) -> None:
    keys = [f"many/{number:04}" for number in range(PAGE + 1)]
    for start in range(0, len(keys), 50):
        await asyncio.gather(*(objects.overwrite(key, b"", content_type=TEXT) for key in keys[start : start + 50]))
    assert [stat.key async for stat in objects.list("many/")] == keys


async def test_a_listing_begins_after_a_key_and_ends_after_so_many(objects: Objects) -> None:
    for key in ("b/1", "b/2", "b/3", "c"):
        await objects.create(key, b"", content_type=TEXT)

    async def listed(start_after: str, limit: int | None) -> list[str]:
        return [stat.key async for stat in objects.list("b/", start_after=start_after, limit=limit)]

    assert await listed("b/1", None) == ["b/2", "b/3"]
    assert await listed("b/1.5", 1) == ["b/2"]
    assert await listed("a", 2) == ["b/1", "b/2"]
    assert await listed("", 3) == ["b/1", "b/2", "b/3"]
    assert await listed("b/3", 3) == []
    assert await listed("", 0) == []


async def test_a_listing_of_several_pages_keeps_to_its_beginning_and_end(objects: Objects) -> None:
    keys = [f"many/{number:04}" for number in range(PAGE + 9)]
    for start in range(0, len(keys), 50):
        await asyncio.gather(*(objects.overwrite(key, b"", content_type=TEXT) for key in keys[start : start + 50]))
    found = [stat.key async for stat in objects.list("many/", start_after=keys[4], limit=PAGE + 1)]
    assert found == keys[5 : PAGE + 6]


async def test_an_odd_key_is_a_key(objects: Objects) -> None:
    etag = await objects.create(ODD_KEY, b"body", content_type=TEXT)
    assert [stat.key async for stat in objects.list("videos/a.20b/")] == [ODD_KEY]
    await objects.delete(ODD_KEY, if_match=etag)
    assert await objects.head(ODD_KEY) is None
