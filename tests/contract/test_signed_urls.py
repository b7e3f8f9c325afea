"""What a signed URL allows, and nothing else: asked of the emulator that checks signatures (moto checks none)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from yarl import URL

from tests.contract.worlds import EmulatedWorld, now
from vidctl.ports import Objects, SignedUrl
from vidctl.uploads import Uploads

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "videos/alice/0193b5a0-0000-8000-8000-000000000000.mp4"
BODY = b"a video"
EXPIRY = timedelta(minutes=5)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def bucket(ministack_world: EmulatedWorld) -> Objects:
    return await ministack_world.objects(versioned=True)


@pytest_asyncio.fixture(loop_scope="session")
async def objects(bucket: Objects) -> Objects:
    await bucket.delete(KEY)
    return bucket


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
def uploads(ministack_world: EmulatedWorld, objects: Objects) -> Uploads:
    return ministack_world.uploads(objects)


@pytest_asyncio.fixture(loop_scope="session")
async def signed(uploads: Uploads) -> SignedUrl:
    return await uploads.sign_put(KEY, content_type="video/mp4", size_bytes=len(BODY), expires_in=EXPIRY)


async def put(
    http: ClientSession,
    signed: SignedUrl,
    *,
    body: bytes = BODY,
    url: str | None = None,
    headers: dict[str, str] | None = None,
) -> int:
    """Use a signed URL, by the letter but for what is given."""
    # The client counts the body itself, as a browser does.
    sent = {name: value for name, value in (headers or signed.headers).items() if name != "content-length"}
    async with http.put(url or signed.url, data=body, headers=sent, skip_auto_headers=("content-type",)) as answer:
        return answer.status


async def test_a_signed_put_creates_the_object(http: ClientSession, signed: SignedUrl, objects: Objects) -> None:
    assert await put(http, signed) == 200
    stat = await objects.head(KEY)
    assert stat is not None
    assert (stat.size_bytes, stat.content_type) == (len(BODY), "video/mp4")


async def test_another_content_type_is_refused(http: ClientSession, signed: SignedUrl, objects: Objects) -> None:
    assert await put(http, signed, headers=signed.headers | {"content-type": "text/html"}) == 403
    assert await objects.head(KEY) is None


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b"!"])
async def test_another_size_is_refused(http: ClientSession, signed: SignedUrl, objects: Objects, body: bytes) -> None:
    assert await put(http, signed, body=body) == 403
    assert await objects.head(KEY) is None


async def test_another_key_is_refused(http: ClientSession, signed: SignedUrl, objects: Objects) -> None:
    other = KEY.replace("alice", "mallory")
    assert await put(http, signed, url=signed.url.replace(KEY, other)) == 403
    assert await objects.head(other) is None


async def test_a_second_put_on_the_same_key_is_refused(
    http: ClientSession, signed: SignedUrl, objects: Objects
) -> None:
    assert await put(http, signed) == 200
    assert await put(http, signed, body=b"another") == 412
    stored = await objects.get(KEY)
    assert stored is not None
    assert stored.body == BODY


@pytest.mark.parametrize("header", ["if-none-match", "content-type"])
async def test_a_signed_header_cannot_be_left_out(
    http: ClientSession, signed: SignedUrl, objects: Objects, header: str
) -> None:
    left = {name: value for name, value in signed.headers.items() if name != header}
    assert await put(http, signed, headers=left) == 403
    assert await objects.head(KEY) is None


async def test_a_signed_put_cannot_read(http: ClientSession, signed: SignedUrl, objects: Objects) -> None:
    await objects.overwrite(KEY, b"secret", content_type="video/mp4")
    async with http.get(signed.url) as answer:
        assert answer.status == 403


async def test_a_longer_expiry_cannot_be_claimed(http: ClientSession, signed: SignedUrl, objects: Objects) -> None:
    assert await put(http, signed, url=signed.url.replace("X-Amz-Expires=300", "X-Amz-Expires=900")) == 403
    assert await objects.head(KEY) is None


async def test_after_its_expiry_a_signed_url_is_refused(
    http: ClientSession, objects: Objects, uploads: Uploads
) -> None:
    await objects.overwrite("videos/other.mp4", b"other", content_type="video/mp4")
    second = timedelta(seconds=1)
    late = await uploads.sign_put(KEY, content_type="video/mp4", size_bytes=len(BODY), expires_in=second)
    reading = await objects.sign_get("videos/other.mp4", expires_in=second)
    statuses: list[int] = []
    async with asyncio.timeout(10):
        while 403 not in statuses:
            async with http.get(reading) as answer:
                statuses.append(answer.status)
            await asyncio.sleep(0.05)
    assert statuses[0] == 200
    assert await put(http, late) == 403
    assert await objects.head(KEY) is None


ODD_KEY = "videos/a.20b/x +é?versionId=1&%2F#~.mp4"


async def test_many_reads_are_signed_at_once_and_each_is_for_one_object_and_one_method(
    http: ClientSession, objects: Objects
) -> None:
    await objects.overwrite(ODD_KEY, b"odd", content_type="video/mp4")
    await objects.overwrite(KEY, b"other", content_type="video/mp4")
    until = now() + EXPIRY
    reading = await objects.reading(until=until)
    url, head = reading.url(ODD_KEY), reading.url(ODD_KEY, method="HEAD")
    assert reading.expires_at == until
    assert (await objects.reading(until=until)).url(ODD_KEY) == url
    asked = [
        ("GET", url, 200),
        ("HEAD", head, 200),
        ("GET", head, 403),
        ("GET", reading.url(KEY), 200),
        ("GET", reading.url(KEY).replace(KEY, quote(ODD_KEY)), 403),
        ("GET", url.replace("X-Amz-Expires=", "X-Amz-Expires=1"), 403),
        ("GET", reading.url("videos/none.mp4"), 404),
    ]
    for method, signed, status in asked:
        async with http.request(method, URL(signed, encoded=True)) as answer:
            assert (method, signed, answer.status) == (method, signed, status)


async def test_a_signed_get_reads_in_ranges(http: ClientSession, objects: Objects) -> None:
    await objects.overwrite(KEY, b"0123456789", content_type="video/mp4")
    url = await objects.sign_get(KEY, expires_in=EXPIRY)
    async with http.get(url, headers={"range": "bytes=2-4"}) as answer:
        assert (answer.status, await answer.read(), answer.content_type) == (206, b"234", "video/mp4")
