"""Uppy as it comes from npm, of both generations, against the whole world: what works, and what its user sees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route

from tests.backstage import USER
from tests.browser.site import BUILT, uploaders
from tests.e2e.studio import Studio, eventually
from tests.e2e.uploader import Uppy, payload, uppy
from vidctl.local.world import LocalWorld
from vidctl.settings import inherited

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 2**20
PART = 5 * MIB
"""Bytes of a part, unless the server says otherwise."""
SIZE = int(inherited().get("UPPY_MIB", "28")) * MIB
"""`make uppy` takes 300."""
SLOW = SIZE // 5
"""Bytes a second: all parts take some seconds, in which a user can do something."""

NETWORK = "This looks like a network error, the endpoint might be blocked by an internet provider or a firewall."
EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"

with_both = pytest.mark.parametrize("version", ["5", "6"])

Opened = Callable[..., AbstractAsyncContextManager[Uppy]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site() -> AsyncIterator[str]:
    if not BUILT.is_dir():
        pytest.skip("Uppy is not built: `make test` does it where there is npm")
    async with uploaders() as origin:
        yield origin


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of many parts. It is no video: what happens after its arrival is for other tests."""
    file = tmp_path_factory.mktemp("large") / "large.mp4"
    with file.open("wb") as grown:
        grown.truncate(SIZE)
    return file


async def session(running: LocalWorld, **asked: int) -> str:
    """Return the endpoint that needs no header."""
    headers = {"Authorization": f"Bearer {running.token(USER)}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{running.facts.url}/v1/upload-sessions", json={"count": 5, **asked}) as answer,
    ):
        return str((await answer.json())["endpoint"])


@pytest.fixture
def opened(browser: Browser, site: str, running: LocalWorld) -> Opened:
    def open_(version: str, *, endpoint: str, multipart: bool = True, token: str | None = None) -> object:
        way = {"5": "endpoint", "6": "companion"}[version]
        given = token or running.token(USER)
        parts = "yes" if multipart else "no"
        return uppy(browser, site, version=version, way=way, endpoint=endpoint, token=given, multipart=parts)

    return open_  # type: ignore[return-value]


async def endpoint(running: LocalWorld, version: str) -> str:
    """Return what each version's documentation calls its endpoint."""
    return await session(running) if version == "6" else f"{running.facts.url}/v1/uppy"


@with_both
async def test_a_small_file_becomes_a_video(opened: Opened, running: LocalWorld, studio: Studio, version: str) -> None:
    film = payload(studio.clips.get("good"), name="Small.mp4")
    async with opened(version, endpoint=await endpoint(running, version), multipart=False) as client:
        await client.upload(film)
        await client.shows("Complete")
        # That such an upload is published as any other, the page's own Uppy shows.
        await studio.when(await client.video_id(), lambda video: video.happened("launched"))


@with_both
async def test_a_large_file_goes_in_parts_and_neither_a_pause_nor_a_reload_costs_any(
    opened: Opened, running: LocalWorld, studio: Studio, large: Path, version: str
) -> None:
    async with opened(version, endpoint=await endpoint(running, version)) as client:
        await client.slow_down(SLOW)
        await client.upload(large)
        await client.is_sent(1)
        await client.press("Pause")
        await client.shows("Paused")
        await client.press("Resume")
        await client.is_sent(2)
        await client.page.wait_for_timeout(600)  # Golden Retriever writes its state down every half second
        before = list(client.parts)
        await client.page.reload()
        await client.page.get_by_text("Session restored").wait_for()
        await client.slow_down(-1)
        await client.choose_again(large)
        await client.start()
        await client.shows("Complete")
        assert not {*before} & {*client.parts[len(before) :]}
        await studio.when(await client.video_id(), lambda video: video.happened("uploaded"))


@pytest.mark.parametrize("multipart", ["yes", "no"])
async def test_uppy_6_signs_by_our_own_signer(
    browser: Browser, site: str, running: LocalWorld, studio: Studio, large: Path, multipart: str
) -> None:
    file = large if multipart == "yes" else payload(studio.clips.get("good"), name="Small.mp4")
    signer, token = f"{running.facts.url}/v1/uploads/sign", running.token(USER)
    async with uppy(
        browser, site, version="6", way="sign", endpoint=signer, token=token, multipart=multipart
    ) as client:
        await client.upload(file)
        await client.shows("Complete")
        await studio.when(await client.video_id(), lambda video: video.happened("uploaded"))


@with_both
async def test_an_upload_that_is_cancelled_leaves_nothing_behind(
    opened: Opened, running: LocalWorld, large: Path, version: str
) -> None:
    async with opened(version, endpoint=await endpoint(running, version)) as client:
        await client.slow_down(SLOW)
        await client.upload(large)
        await client.is_sent(1)
        upload = await client.unfinished()
        await client.press("Cancel")
        headers = {"Authorization": f"Bearer {running.token(USER)}"}
        listed = f"{running.facts.url}/v1/uppy/s3/multipart/{upload['uploadId']}"
        async with aiohttp.ClientSession(headers=headers) as http:

            async def gone() -> bool:
                async with http.get(listed, params={"key": upload["key"]}) as answer:
                    return answer.status == 404

            await eventually(gone)


@with_both
async def test_a_signed_url_that_expired(opened: Opened, running: LocalWorld, tmp_path: Path, version: str) -> None:
    parts = tmp_path / "parts.mp4"
    with parts.open("wb") as grown:
        grown.truncate(2 * PART + MIB)

    async def expire(route: Route) -> None:
        await route.fulfill(
            status=403, body=EXPIRED, content_type="application/xml", headers={"Access-Control-Allow-Origin": "*"}
        )

    async with opened(version, endpoint=await endpoint(running, version)) as client:
        await client.page.route("**/*partNumber=2*", expire, times=1)
        await client.upload(parts)
        if version == "6":
            assert await client.complaint() == NETWORK
            await client.retry()
        await client.shows("Complete")


async def test_a_server_that_is_restarted_in_the_middle(
    opened: Opened, running: LocalWorld, studio: Studio, large: Path
) -> None:
    doors = [await endpoint(running, version) for version in ("5", "6")]
    async with opened("5", endpoint=doors[0]) as five, opened("6", endpoint=doors[1]) as six:
        for client in (five, six):
            await client.slow_down(SLOW)
            await client.upload(large)
        for client in (five, six):
            await client.is_sent(1)
        await studio.kill_service()
        await running.serve()
        for client in (five, six):
            await client.slow_down(-1)
        for client in (five, six):
            await client.ends()


@with_both
async def test_a_file_of_a_wrong_type(opened: Opened, running: LocalWorld, studio: Studio, version: str) -> None:
    notes = payload(studio.clips.get("good"), name="notes.txt", type_="text/plain")
    async with opened(version, endpoint=await endpoint(running, version), multipart=False) as client:
        await client.upload(notes)
        assert "filename: has the suffix '.txt'" in await client.complaint()


@with_both
async def test_a_file_that_is_too_large(opened: Opened, running: LocalWorld, studio: Studio, version: str) -> None:
    film = payload(studio.clips.get("good"), name="Small.mp4")
    async with opened(version, endpoint=await session(running, max_bytes=1000), multipart=False) as client:
        await client.upload(film)
        # Neither tells what S3 says.
        assert await client.complaint() == {"5": "Non 2xx", "6": NETWORK}[version]


@with_both
async def test_whoever_is_not_logged_in(opened: Opened, running: LocalWorld, studio: Studio, version: str) -> None:
    film = payload(studio.clips.get("good"), name="Small.mp4")
    stranger = {"5": f"{running.facts.url}/v1/uppy", "6": f"{running.facts.url}/u/nonsense"}[version]
    async with opened(version, endpoint=stranger, multipart=False, token="nonsense") as client:
        await client.upload(film)
        expected = {"5": "Authorization required", "6": "Companion request failed: The link is not valid"}[version]
        assert (await client.complaint()).startswith(expected)
