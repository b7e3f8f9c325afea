"""Files to upload from a browser, and Uppy on somebody's own site."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.async_api import Browser, FilePayload, Page, Request

PATIENCE_MS = 60_000
_BUTTON = ".uppy-StatusBar-actionCircleBtn[title={title}]"


def payload(file: Path, *, name: str, type_: str = "video/mp4") -> FilePayload:
    """Return a small file under another name."""
    return {"name": name, "mimeType": type_, "buffer": file.read_bytes()}


@dataclass
class Uppy:
    """Uppy's Dashboard in a page. ``parts`` are the numbers of the parts whose arrival it knows of."""

    page: Page
    parts: list[int] = field(default_factory=list)

    async def choose_again(self, file: Path) -> None:
        """Choose the file that a restored session asks for."""
        await self.page.locator(".uppy-Dashboard-Item-reSelect").click()
        await self.choose(file)

    async def choose(self, file: Path | FilePayload) -> None:
        """Choose a file in the Dashboard."""
        await self.page.locator("input.uppy-Dashboard-input").first.set_input_files(file)

    async def start(self) -> None:
        """Press the button that uploads."""
        await self.page.locator(".uppy-StatusBar-actionBtn--upload").click()

    async def upload(self, file: Path | FilePayload) -> None:
        """Choose a file and press the button."""
        await self.choose(file)
        await self.start()

    async def press(self, title: str) -> None:
        """Press one of the round buttons: Pause, Resume, Cancel."""
        await self.page.locator(_BUTTON.format(title=title)).click()

    async def retry(self) -> None:
        """Press the button that tries again."""
        await self.page.locator(".uppy-StatusBar-actionBtn--retry").click()

    async def shows(self, words: str | re.Pattern[str]) -> None:
        """Wait until the status bar says so."""
        await self.page.locator(".uppy-StatusBar").filter(has_text=words).wait_for()

    async def ends(self) -> None:
        """Wait for the end, and try again as a user does if it is none."""
        await self.shows(re.compile("Complete|Upload failed"))
        if await self.page.locator(".uppy-StatusBar-actionBtn--retry").is_visible():
            await self.retry()
        await self.shows("Complete")

    async def is_sent(self, parts: int) -> None:
        """Wait until so many parts have arrived."""
        await self.page.wait_for_function(
            "(bytes) => client.uppy.getFiles()[0]?.progress.bytesUploaded >= bytes", arg=parts * 5 * 2**20
        )

    async def complaint(self) -> str:
        """Return what Uppy says of the upload that failed, where people look for it."""
        await self.shows("Upload failed")
        return str(await self.page.evaluate("client.uppy.getFiles()[0].error"))

    async def video_id(self) -> str:
        """Return the video that a file has become."""
        key = await self.page.evaluate("client.uppy.getFiles()[0].response.uploadURL")
        return str(key).rpartition("/")[2].removesuffix(".mp4")

    async def unfinished(self) -> dict[str, str]:
        """Return what Uppy remembers of an upload in parts."""
        found: dict[str, Any] = await self.page.evaluate("client.uppy.getFiles()[0].s3Multipart")
        return {"key": found["key"], "uploadId": found["uploadId"]}

    async def slow_down(self, bytes_per_second: int) -> None:
        """Give the page a slow connection; -1 is a fast one."""
        session = await self.page.context.new_cdp_session(self.page)
        speed = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
        await session.send("Network.emulateNetworkConditions", speed)

    def note(self, request: Request) -> None:
        """Note a part that was sent whole."""
        query = parse_qs(urlsplit(request.url).query)
        if request.method == "PUT" and "partNumber" in query:
            self.parts.append(int(query["partNumber"][0]))


@asynccontextmanager
async def uppy(browser: Browser, site: str, **options: str) -> AsyncIterator[Uppy]:
    """Open Uppy: its ``version``, the ``way`` of its options (endpoint, companion, sign), and what they say."""
    async with await browser.new_context() as context:
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        client = Uppy(page)
        page.on("requestfinished", client.note)
        await page.goto(f"{site}/pages/uppy.html?{urlencode(options)}")
        await page.wait_for_function("() => Boolean(window.client)")
        yield client
