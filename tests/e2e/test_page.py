"""The page as its users have it: real uploads, real events, real playback, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.backstage import USER
from tests.e2e.studio import Studio, eventually
from tests.e2e.uploader import Uppy, payload
from vidctl.http.pages import is_built
from vidctl.local.world import LocalWorld

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 60_000
PART = 8 * 2**20
SLOW = 12 * 2**20
"""Bytes a second."""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, running: LocalWorld) -> AsyncIterator[Page]:
    """The page, signed in. Whatever its policy forbids would be on its console."""
    if not is_built():
        pytest.skip("the page is not built: `make test` does it where there is npm")
    said: list[str] = []
    async with await browser.new_context(viewport={"width": 1280, "height": 860}) as context:
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        await page.goto(f"{running.facts.url}/#token={running.token(USER)}")
        yield page
    assert said == []


async def test_an_upload_survives_a_pause_and_a_reload_and_a_failed_one_is_tried_again(
    page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "Regatta.mp4"
    with file.open("wb") as grown:
        grown.truncate(4 * PART)
    client = Uppy(page)
    page.on("requestfinished", client.note)
    row = page.get_by_role("listitem").filter(has_text=file.name)
    await client.slow_down(SLOW)
    await page.get_by_label("Choose files").set_input_files(file)
    await eventually(lambda: arrived(client, 1))
    await row.get_by_role("button", name="Pause").click()
    await row.filter(has_text="Paused").wait_for()
    await row.get_by_role("button", name="Resume").click()
    await eventually(lambda: arrived(client, 2))

    await page.reload()
    await row.filter(has_text="Interrupted. Choose the same file again to go on.").wait_for()
    await client.slow_down(-1)
    before = list(client.parts)
    await page.get_by_label("Choose files").set_input_files(file)
    # It is no video, which a look into it shows before any task.
    await row.filter(has_text="It could not be converted").wait_for()
    assert not {*before} & {*client.parts[len(before) :]}

    await row.get_by_role("button", name="Try again").click()
    await page.get_by_role("status").filter(has_text="Regatta.mp4 is tried again.").wait_for()
    await row.get_by_role("link", name=file.name).click()
    happened = page.get_by_role("group").get_by_role("listitem")
    await expect(happened.filter(has_text="Tried again")).to_have_count(1, timeout=PATIENCE_MS)
    await expect(happened.filter(has_text="Given up")).to_have_count(2, timeout=PATIENCE_MS)
    await page.get_by_role("main").get_by_text("It could not be converted: ").wait_for()


async def arrived(client: Uppy, parts: int) -> bool:
    return len(client.parts) >= parts


async def until(page: Page, condition: str) -> None:
    """Wait for a condition; the page's policy forbids Playwright's own way, which is to make code of a text there."""

    async def holds() -> bool:
        return bool(await page.evaluate(condition))

    await eventually(holds)


async def test_a_film_is_dropped_converted_played_and_deleted(page: Page, studio: Studio) -> None:
    film = studio.clips.get("good")
    await page.get_by_label("Choose files").set_input_files(payload(film, name="Lighthouse.mp4"))
    row = page.get_by_role("listitem").filter(has_text="Lighthouse.mp4")
    await row.filter(has_text="Ready").wait_for()
    await row.get_by_role("link", name="Lighthouse.mp4").click()

    await page.get_by_role("button", name="Play").click()
    await until(page, "document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames > 10")
    assert str(await page.evaluate("document.querySelector('video').src")).startswith("blob:")
    await page.get_by_role("slider", name="Position").hover()
    await until(page, "getComputedStyle(document.querySelector('.picture')).backgroundImage.includes('://')")

    await page.get_by_role("button", name="Delete Lighthouse.mp4").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await page.get_by_role("heading", name="Videos").wait_for()
    await expect(row).to_have_count(0)
