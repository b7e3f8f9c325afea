"""The page in each of its states: for everybody, in words, by keyboard, and with nothing on it that is not ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, FilePayload, Page

from tests.browser.site import LIBRARIES
from tests.browser.stand_in import BUCKET, StandIn, video, video_id
from vidctl.http.app import serving
from vidctl.http.pages import PageRoutes, is_built
from vidctl.settings import UploadSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 390, "height": 844}
FILM: FilePayload = {"name": "Sailing.mp4", "mimeType": "video/mp4", "buffer": bytes(1000)}
SERIOUS = {"serious", "critical"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address() -> AsyncIterator[str]:
    if not is_built():
        pytest.skip("the page is not built: `make test` does it where there is npm")
    app = web.Application()
    app.add_routes(PageRoutes(bucket_origins=(BUCKET,), uploads=UploadSettings()).routes())
    async with serving(app, host="127.0.0.1", port=0) as port:
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def opened(
    browser: Browser, address: str, world: StandIn, *, at: str = "#token=t", width: int = PHONE["width"]
) -> AsyncIterator[Page]:
    """Open the page; it may say nothing on its console, not even of a policy that it breaks."""
    said: list[str] = []
    async with await browser.new_page(viewport={"width": width, "height": 844}) as page:
        page.set_default_timeout(20_000)
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        await world.stand(page)
        await page.goto(f"{address}/{at}")
        yield page
    # A refusal is on the console whatever the page makes of it.
    assert [text for text in said if "Failed to load resource" not in text] == []


async def findings(page: Page) -> list[str]:
    """Return what axe finds to be a serious obstacle, light and dark."""
    await page.evaluate((LIBRARIES / "axe-core" / "axe.min.js").read_text())
    found: list[str] = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        seen: dict[str, Any] = await page.evaluate("axe.run()")
        found += [
            f"{scheme}: {violation['id']}: {node['html']}"
            for violation in seen["violations"]
            for node in violation["nodes"]
            if violation["impact"] in SERIOUS
        ]
    return found


async def test_whoever_is_not_signed_in_is_asked_for_a_token(browser: Browser, address: str) -> None:
    async with opened(browser, address, StandIn(), at="") as page:
        await page.get_by_label("Access token").wait_for()
        assert await findings(page) == []
        await page.keyboard.press("Tab")
        await page.get_by_label("Access token").fill("t")
        await page.keyboard.press("Enter")
        await page.get_by_text("Nothing here yet.").wait_for()


async def test_a_token_leaves_the_address_and_one_that_is_refused_is_asked_for_again(
    browser: Browser, address: str
) -> None:
    expired = {"status": 401, "code": "invalid_token", "detail": "The token has expired."}
    world = StandIn(problems={"GET /v1/videos": expired})
    async with opened(browser, address, world) as page:
        await page.get_by_role("alert").filter(has_text="The token has expired.").wait_for()
        assert page.url == f"{address}/"
        world.problems.clear()
        await page.get_by_label("Access token").fill("another")
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("Nothing here yet.").wait_for()


async def test_the_list_tells_of_each_video_in_words(browser: Browser, address: str) -> None:
    world = StandIn(
        [
            video(1, "running", name="Sailing.mp4", progress=0.431, remaining_seconds=75),
            video(2, "queued", name="Choir.mp4", ahead=3),
            video(3, "published", name="Winter.mp4"),
            video(4, "failed", name="Sound.mp4"),
        ]
    )
    async with opened(browser, address, world) as page:
        rows = page.get_by_role("listitem")
        for row, words in enumerate(
            (
                "Being converted: 43 %, about 1 minute left",
                "Waiting, 3 videos before it",
                "Ready, uploaded",
                "It could not be converted: The file has no video stream",
            )
        ):
            await rows.nth(row).filter(has_text=words).wait_for()
        assert await page.get_by_role("progressbar", name="Progress of Sailing.mp4").get_attribute("value") == "0.431"
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        assert await findings(page) == []


async def test_a_file_is_followed_from_the_drop_to_the_bucket(browser: Browser, address: str) -> None:
    world = StandIn()
    async with opened(browser, address, world) as page:
        await page.get_by_label("Choose files").set_input_files(FILM)
        row = page.get_by_role("listitem").filter(has_text="Sailing.mp4")
        await row.filter(has_text="Uploading").wait_for()
        assert await findings(page) == []
        world.videos.append(video(99, "queued"))
        world.open.set()
        await row.filter(has_text="Waiting for its turn").wait_for()
        assert await page.get_by_role("status").first.text_content() == "Sailing.mp4 is uploaded. It is converted now."


async def test_a_list_that_was_asked_for_before_an_upload_came_does_not_hide_it(browser: Browser, address: str) -> None:
    world = StandIn()
    world.heard.clear()
    async with opened(browser, address, world) as page:
        await dropped(page, "Sailing.mp4")
        world.videos.append(video(99, "running", progress=0.2))
        world.open.set()
        row = page.get_by_role("listitem").filter(has_text="Sailing.mp4")
        await row.filter(has_text="Being converted: 20 %").wait_for()
        async with page.expect_response("**/v1/videos"):
            world.heard.set()
        # That it says something later shows that it has read the list.
        await dropped(page, "notes.txt")
        await page.get_by_role("alert").filter(has_text="notes.txt").wait_for()
        assert await row.count() == 1


async def dropped(page: Page, name: str) -> None:
    """Drop a file onto the page, as a user's file manager does."""
    transfer = await page.evaluate_handle(
        """name => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(1000)], name, { type: "video/mp4" }));
            return transfer;
        }""",
        name,
    )
    await page.dispatch_event("body", "dragover", {"dataTransfer": transfer})
    await page.get_by_text("Drop to upload").wait_for()
    await page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    await page.get_by_text("Drop videos here").wait_for()


async def test_a_file_that_would_be_refused_is_not_sent(browser: Browser, address: str) -> None:
    world = StandIn()
    async with opened(browser, address, world) as page:
        await page.get_by_label("Choose files").set_input_files({**FILM, "name": "notes.txt"})
        await page.get_by_role("alert").filter(has_text="notes.txt is no MP4 file.").wait_for()
        assert "POST /v1/uploads/sign" not in world.asked


async def test_a_refusal_of_the_server_is_told_with_its_fix(browser: Browser, address: str) -> None:
    full = {
        "status": 429,
        "code": "too_many_uploads",
        "detail": "You began 30 uploads this hour.",
        "fix": "a later hour",
    }
    world = StandIn(problems={"POST /v1/uploads/sign": full})
    async with opened(browser, address, world) as page:
        await page.get_by_label("Choose files").set_input_files(FILM)
        row = page.get_by_role("listitem").filter(has_text="You began 30 uploads this hour. Use a later hour.")
        await row.get_by_role("button", name="Try again").wait_for()
        assert await findings(page) == []


async def test_a_video_that_failed_says_why_and_what_happened(browser: Browser, address: str) -> None:
    world = StandIn(older=[video(4, "failed", name="Sound.mp4")])
    async with opened(browser, address, world, at=f"#token=t&video={video_id(4)}") as page:
        await page.get_by_role("heading", name="Sound.mp4").wait_for()
        await page.get_by_text("It could not be converted: The file has no video stream").wait_for()
        await page.get_by_text("Given up").wait_for()
        assert await findings(page) == []


async def test_a_video_on_its_way_shows_how_far_it_is(browser: Browser, address: str) -> None:
    world = StandIn([video(1, "running", progress=0.5)])
    async with opened(browser, address, world, at=f"#token=t&video={video_id(1)}") as page:
        await page.get_by_text("Being converted: 50 %").wait_for()
        assert await findings(page) == []


async def test_the_player_can_be_used_by_everybody(browser: Browser, address: str) -> None:
    world = StandIn([video(3, "published")])
    async with opened(browser, address, world, at=f"#token=t&video={video_id(3)}") as page:
        for control in ("Play", "Mute", "Full screen"):
            await page.get_by_role("button", name=control).wait_for()
        assert await page.get_by_role("slider", name="Position").get_attribute("aria-valuetext") == "0:00 of 0:00"
        assert await findings(page) == []


async def test_a_video_is_deleted_by_keyboard_after_a_question(browser: Browser, address: str) -> None:
    world = StandIn([video(3, "published", name="Winter.mp4"), video(5, "published", name="Choir.mp4")])
    async with opened(browser, address, world) as page:
        delete = page.get_by_role("button", name="Delete Winter.mp4")
        await delete.focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Delete this video?")
        await dialog.wait_for()
        assert await findings(page) == []
        await page.keyboard.press("Escape")
        await dialog.wait_for(state="hidden")
        assert await delete.evaluate("(button) => button === document.activeElement")
        await page.keyboard.press("Enter")
        await dialog.get_by_role("button", name="Delete").press("Enter")
        await page.get_by_role("link", name="Winter.mp4").wait_for(state="detached")
        assert f"DELETE /v1/videos/{video_id(3)}" in world.asked
        assert await page.get_by_role("status").first.text_content() == "Winter.mp4 is deleted."
