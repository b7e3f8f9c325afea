"""What every ``Uploads`` does."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.contract.gaps import gap
from tests.contract.worlds import World, now
from tests.world.crc64 import crc64nvme
from tests.world.uploads import Refused
from vidctl.errors import Misconfigured, NotFound, PreconditionFailed
from vidctl.ports import Objects
from vidctl.uploads import Algorithm, Call, Checksum, Part, Uploads

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "videos/a.20b/x +é&=.mp4"
OTHER = "videos/eve/0193.mp4"
TYPE = "video/mp4"
EXPIRY = timedelta(minutes=5)
MIB = 1024**2
FIRST, LAST = bytes(5 * MIB), b"the end"


@pytest_asyncio.fixture(loop_scope="session")
async def bucket(world: World) -> Objects:
    return await world.objects(versioned=True)


@pytest.fixture
def uploads(world: World, bucket: Objects) -> Uploads:
    return world.uploads(bucket)


async def sent(
    world: World, uploads: Uploads, upload_id: str, number: int, body: bytes, *, size: int | None = None
) -> Part:
    signed = await uploads.sign_part(KEY, upload_id, number, size_bytes=size, expires_in=EXPIRY)
    etag = await world.send(uploads, signed, body)
    return Part(number=number, etag=etag, size_bytes=len(body))


async def begun(world: World, uploads: Uploads) -> tuple[str, list[Part]]:
    """Begin an upload and send its two parts."""
    upload_id = await uploads.begin(KEY, content_type=TYPE)
    return upload_id, [
        await sent(world, uploads, upload_id, 1, FIRST),
        await sent(world, uploads, upload_id, 2, LAST),
    ]


# --- in parts -----------------------------------------------------------------------------------------------------


async def test_parts_become_one_object(world: World, bucket: Objects, uploads: Uploads) -> None:
    upload_id, parts = await begun(world, uploads)
    etag = await uploads.complete(KEY, upload_id, parts)
    stat = await bucket.head(KEY)
    assert stat is not None
    assert (stat.etag, stat.size_bytes, stat.content_type) == (etag, len(FIRST + LAST), TYPE)
    assert etag.endswith("-2")
    assert await bucket.read_range(KEY, start=len(FIRST) - 1, end=len(FIRST) + 3, if_match=etag) == b"\0the"
    assert await world.unfinished(bucket) == 0


async def test_parts_that_are_there_are_told_in_order_and_the_last_of_a_number_counts(
    world: World, uploads: Uploads
) -> None:
    upload_id = await uploads.begin(KEY, content_type=TYPE)
    assert await uploads.parts(KEY, upload_id) == ()
    later = await sent(world, uploads, upload_id, 12, b"twelve")
    await sent(world, uploads, upload_id, 2, b"too")
    second = await sent(world, uploads, upload_id, 2, b"two")
    assert await uploads.parts(KEY, upload_id) == (second, later)


async def test_all_pages_of_parts_are_told(monkeypatch: pytest.MonkeyPatch, world: World, uploads: Uploads) -> None:
    monkeypatch.setattr("vidctl.s3_uploads.PAGE", 2)
    upload_id = await uploads.begin(KEY, content_type=TYPE)
    for number in range(1, 6):
        await sent(world, uploads, upload_id, number, b"x" * number)
    assert [part.size_bytes for part in await uploads.parts(KEY, upload_id)] == [1, 2, 3, 4, 5]


async def test_once_it_is_complete_an_upload_has_no_parts_and_takes_none(world: World, uploads: Uploads) -> None:
    upload_id, parts = await begun(world, uploads)
    await uploads.complete(KEY, upload_id, parts)
    with pytest.raises(NotFound):
        await uploads.parts(KEY, upload_id)
    with pytest.raises(Refused):
        await sent(world, uploads, upload_id, 3, b"more")


async def test_a_second_upload_cannot_replace_what_is_complete(world: World, bucket: Objects, uploads: Uploads) -> None:
    upload_id, parts = await begun(world, uploads)
    second_id = await uploads.begin(KEY, content_type=TYPE)
    second = await sent(world, uploads, second_id, 1, b"another")
    etag = await uploads.complete(KEY, upload_id, parts)
    with pytest.raises(PreconditionFailed):
        await uploads.complete(KEY, second_id, [second])
    stat = await bucket.head(KEY)
    assert stat is not None
    assert stat.etag == etag


@gap(moto="fails on what was given up")
async def test_what_was_given_up_is_gone_and_can_be_given_up_again(
    world: World, bucket: Objects, uploads: Uploads
) -> None:
    upload_id, parts = await begun(world, uploads)
    for _ in range(2):
        await uploads.abort(KEY, upload_id)
    assert await world.unfinished(bucket) == 0
    with pytest.raises(NotFound):
        await uploads.parts(KEY, upload_id)
    with pytest.raises(NotFound):
        await uploads.complete(KEY, upload_id, parts)
    assert await bucket.head(KEY) is None


async def test_giving_up_what_is_complete_removes_nothing(world: World, bucket: Objects, uploads: Uploads) -> None:
    upload_id, parts = await begun(world, uploads)
    await uploads.complete(KEY, upload_id, parts)
    await uploads.abort(KEY, upload_id)
    assert await bucket.head(KEY) is not None


@gap(moto="finds an upload by its id, under whatever key")
async def test_an_upload_id_is_of_one_key(world: World, bucket: Objects, uploads: Uploads) -> None:
    upload_id, parts = await begun(world, uploads)
    with pytest.raises(NotFound):
        await uploads.parts(OTHER, upload_id)
    with pytest.raises(NotFound):
        await uploads.complete(OTHER, upload_id, parts)
    await uploads.abort(OTHER, upload_id)
    assert len(await uploads.parts(KEY, upload_id)) == 2
    assert await bucket.head(OTHER) is None


async def test_a_part_with_another_etag_is_refused(world: World, bucket: Objects, uploads: Uploads) -> None:
    upload_id, (first, last) = await begun(world, uploads)
    with pytest.raises(Misconfigured):
        await uploads.complete(KEY, upload_id, [first, Part(number=2, etag=first.etag, size_bytes=last.size_bytes)])
    assert await bucket.head(KEY) is None


@gap(ministack="puts small parts together")
async def test_a_small_part_before_the_last_is_refused(world: World, bucket: Objects, uploads: Uploads) -> None:
    upload_id = await uploads.begin(KEY, content_type=TYPE)
    parts = [await sent(world, uploads, upload_id, number, b"small") for number in (1, 2)]
    with pytest.raises(Misconfigured):
        await uploads.complete(KEY, upload_id, parts)
    assert await bucket.head(KEY) is None


@gap(moto="checks no checksum of the whole")
async def test_a_whole_with_another_checksum_is_refused(world: World, bucket: Objects, uploads: Uploads) -> None:
    upload_id = await uploads.begin(KEY, content_type=TYPE, whole=Algorithm.CRC64NVME)
    part = await sent(world, uploads, upload_id, 1, LAST)
    with pytest.raises(Misconfigured):
        await uploads.complete(KEY, upload_id, [part], crc64nvme=crc64nvme(b"as it was"))
    assert await bucket.head(KEY) is None


@gap(ministack="takes the checksum of the whole for that of the list of parts")
async def test_a_whole_with_its_checksum_is_taken(world: World, bucket: Objects, uploads: Uploads) -> None:
    upload_id = await uploads.begin(KEY, content_type=TYPE, whole=Algorithm.CRC64NVME)
    part = await sent(world, uploads, upload_id, 1, LAST)
    await uploads.complete(KEY, upload_id, [part], crc64nvme=crc64nvme(LAST))
    assert await bucket.head(KEY) is not None


# --- what is signed -----------------------------------------------------------------------------------------------


async def test_a_signed_put_names_all_that_is_signed_and_its_end(uploads: Uploads) -> None:
    signed = await uploads.sign_put(KEY, content_type=TYPE, size_bytes=7, expires_in=EXPIRY)
    assert signed.method == "PUT"
    assert signed.headers == {"content-type": TYPE, "content-length": "7", "if-none-match": "*"}
    assert timedelta(minutes=4) < signed.expires_at - now() <= EXPIRY


@gap(moto="checks no signature")
async def test_a_part_of_another_size_than_is_signed_is_refused(world: World, uploads: Uploads) -> None:
    upload_id = await uploads.begin(KEY, content_type=TYPE)
    with pytest.raises(Refused):
        await sent(world, uploads, upload_id, 1, b"1234567", size=6)
    assert (await sent(world, uploads, upload_id, 1, b"1234567", size=7)).size_bytes == 7


@gap(moto="keeps any checksum that it is told")
async def test_a_file_with_another_checksum_than_is_signed_is_refused(
    world: World, bucket: Objects, uploads: Uploads
) -> None:
    sha256 = Checksum(algorithm=Algorithm.SHA256, value=b64encode(hashlib.sha256(LAST).digest()).decode())
    signed = await uploads.sign_put(KEY, content_type=TYPE, size_bytes=len(LAST), checksum=sha256, expires_in=EXPIRY)
    assert signed.headers["x-amz-checksum-sha256"] == sha256.value
    with pytest.raises(Refused):
        await world.send(uploads, signed, LAST[::-1])
    await world.send(uploads, signed, LAST)
    assert await bucket.head(KEY) is not None


async def test_a_put_that_needs_no_header_can_be_sent_as_it_is(world: World, bucket: Objects, uploads: Uploads) -> None:
    signed = await uploads.sign_put(KEY, content_type=None, size_bytes=None, expires_in=EXPIRY)
    assert signed.headers == {}
    await world.send(uploads, signed, LAST)
    assert await bucket.head(KEY) is not None


async def test_a_form_has_every_field_that_is_to_be_sent(uploads: Uploads) -> None:
    form = await uploads.sign_form(KEY, content_type=TYPE, max_bytes=7, expires_in=EXPIRY)
    assert form.fields["key"] == KEY
    assert form.fields["Content-Type"] == TYPE
    assert form.fields["success_action_status"] == "201"
    assert form.fields["policy"]
    assert timedelta(minutes=4) < form.expires_at - now() <= EXPIRY


async def test_the_calls_of_a_client_are_signed_for_it(uploads: Uploads) -> None:
    begin, *others = await asyncio.gather(
        *(uploads.sign_call(KEY, call, upload_id="u/+=", content_type=TYPE, expires_in=EXPIRY) for call in Call)
    )
    assert (begin.method, begin.headers) == ("POST", {"content-type": TYPE})
    assert "uploads" in begin.url
    assert [signed.method for signed in others] == ["GET", "POST", "DELETE"]
    assert [signed.headers for signed in others] == [{}, {"if-none-match": "*"}, {}]
    assert all("uploadId=u%2F%2B%3D" in signed.url for signed in others)
