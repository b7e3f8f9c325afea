"""Every way to upload but the single PUT, against storage that checks signatures, with the rights of production."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, FormData
from yarl import URL

from tests.backstage import USER
from tests.e2e.studio import Studio
from vidctl.local.world import LocalWorld

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024**2
PART = 16 * MIB
FILE = {"filename": "clip.mp4", "type": "video/mp4"}


@pytest_asyncio.fixture(loop_scope="session")
async def api(running: LocalWorld) -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {running.token(USER)}"}
    async with ClientSession(running.facts.url, headers=headers) as session:
        yield session


@pytest_asyncio.fixture(loop_scope="session")
async def s3() -> AsyncIterator[ClientSession]:
    async with ClientSession(skip_auto_headers=("content-type",)) as session:
        yield session


async def large(studio: Studio) -> bytes:
    """Return a good video with a box of nothing at its end, which makes it two parts long."""
    clip = await asyncio.to_thread((await asyncio.to_thread(studio.clips.get, "good")).read_bytes)
    return clip + (PART + MIB).to_bytes(4) + b"free" + bytes(PART + MIB - 8)


async def told(api: ClientSession, method: str, path: str, *, expect: int = 200, **more: Any) -> Any:
    async with api.request(method, path, **more) as answer:
        assert answer.status == expect, await answer.text()
        return await answer.json(content_type=None)


async def put(s3: ClientSession, url: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    sent = {name: value for name, value in (headers or {}).items() if name != "content-length"}
    async with s3.put(URL(url, encoded=True), data=BytesIO(body), headers=sent) as answer:
        return answer.status


async def test_a_file_in_parts_is_resumed_put_together_once_and_published(
    studio: Studio, api: ClientSession, s3: ClientSession
) -> None:
    body = await large(studio)
    wanted = {"filename": "clip.mp4", "content_type": "video/mp4", "size": len(body), "multipart": True}
    video_id = (await told(api, "POST", "/v1/uploads", json=wanted, expect=201))["video_id"]
    path = f"/v1/uploads/{video_id}"
    first, last = (await told(api, "POST", f"{path}/parts", json={"parts": [1, 2]}))["parts"]
    assert await put(s3, last["url"], body[PART:], last["headers"]) == 200

    # What was signed is all that is allowed.
    assert await put(s3, first["url"], body[: PART + 1], first["headers"]) == 403
    for changed in (
        first["url"].replace("partNumber=1", "partNumber=3"),
        first["url"].replace(f"/{USER}/", "/mallory/"),
        re.sub(r"uploadId=[^&]*", "uploadId=another", first["url"]),
        first["url"].replace("X-Amz-Expires=3600", "X-Amz-Expires=9999"),
    ):
        assert await put(s3, changed, body[:PART], first["headers"]) == 403

    seen = await told(api, "GET", f"{path}/parts")
    assert [(part["number"], part["size"]) for part in seen["parts"]] == [(2, len(body) - PART)]
    await told(api, "POST", f"{path}/complete", expect=409)
    assert await put(s3, first["url"], body[:PART], first["headers"]) == 200
    answers = [await told(api, "POST", f"{path}/complete") for _ in range(2)]
    assert answers[0] == answers[1]
    assert await put(s3, first["url"], body[:PART], first["headers"]) == 404

    await studio.published(video_id)
    assert await told(api, "POST", f"{path}/complete") == answers[0]
    assert (await told(api, "GET", f"{path}/parts"))["state"] == "complete"


async def test_uppy_in_parts_through_a_session(
    running: LocalWorld, studio: Studio, api: ClientSession, s3: ClientSession
) -> None:
    body = await large(studio)
    minted = await told(api, "POST", "/v1/upload-sessions", json={"count": 1}, expect=201)
    prefix = minted["endpoint"].removeprefix(running.facts.url) + "/s3"
    async with ClientSession(running.facts.url) as page:
        begun = await told(page, "POST", f"{prefix}/multipart", json={**FILE, "metadata": {"size": len(body)}})
        assert begun["video_id"] == minted["video_ids"][0]
        one = f"{prefix}/multipart/{begun['uploadId']}"
        for number, part in ((1, body[:PART]), (2, body[PART:])):
            signed = await told(page, "GET", f"{one}/{number}", params={"key": begun["key"]})
            assert await put(s3, signed["url"], part) == 200
        listed = await told(page, "GET", one, params={"key": begun["key"]})
        for _ in range(2):
            done = await told(page, "POST", f"{one}/complete", params={"key": begun["key"]}, json={"parts": listed})
            assert done["key"] == begun["key"]
        await told(page, "POST", f"{prefix}/multipart", json=FILE, expect=403)
    await studio.published(begun["video_id"])


async def test_a_form_takes_what_was_signed_and_nothing_else(running: LocalWorld, api: ClientSession) -> None:
    minted = await told(api, "POST", "/v1/upload-sessions", json={"max_bytes": 10}, expect=201)
    prefix = minted["endpoint"].removeprefix(running.facts.url) + "/s3"
    form = await told(api, "GET", f"{prefix}/params", params=FILE)

    async def posted(body: bytes, **changed: str) -> int:
        data = FormData()
        for name, value in (form["fields"] | changed).items():
            data.add_field(name, value)
        data.add_field("file", body, filename="blob", content_type="video/mp4")
        async with ClientSession() as browser, browser.post(form["url"], data=data) as answer:
            return answer.status

    assert await posted(b"x" * 11) == 400
    assert await posted(b"x", key=form["fields"]["key"].replace(f"/{USER}/", "/mallory/")) == 403
    assert await posted(b"x", **{"Content-Type": "text/html"}) == 403
    assert await posted(b"x" * 10) == 201


async def test_uppys_signer_lets_a_browser_put_its_parts_together_once(
    studio: Studio, api: ClientSession, s3: ClientSession
) -> None:
    body = await large(studio)

    async def call(data: bytes | None = None, **request: Any) -> tuple[int, str, str]:
        signed = await told(api, "POST", "/v1/uploads/sign", json=request)
        url, headers = URL(signed["url"], encoded=True), signed.get("headers")
        async with s3.request(request["method"], url, data=data and BytesIO(data), headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers.get("ETag", "") or signed["key"]

    signed = await told(api, "POST", "/v1/uploads/sign", json={"method": "POST", "key": "own-clip.mp4"})
    async with s3.post(URL(signed["url"], encoded=True), headers=signed["headers"]) as answer:
        upload_id = re.search(r"<UploadId>(.*)</UploadId>", await answer.text())
    assert upload_id is not None
    named = {"key": signed["key"], "uploadId": upload_id[1]}
    etags = [
        (await call(part, method="PUT", partNumber=number, **named))[2]
        for number, part in ((1, body[:PART]), (2, body[PART:]))
    ]
    listed = await call(method="GET", **named)
    assert (listed[0], listed[1].count("<PartNumber>")) == (200, 2)
    parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in enumerate(etags, 1))
    whole = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    assert (await call(whole, method="POST", **named))[0] == 200
    await studio.published(signed["key"].rpartition("/")[2].removesuffix(".mp4"))
