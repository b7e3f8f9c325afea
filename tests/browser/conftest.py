"""A browser, and a site with one published film; both once for the session."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.show import published
from tests.browser.site import LIBRARIES, Site, serving

READY = LIBRARIES.parent / "ready"
"""Written once all of the players are there."""

CHROMIUM = shutil.which("chromium")
_ARGUMENTS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required")
"""Root has no sandbox; a test has no user."""


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: `make test` does it as root (apt install chromium)")
    if not READY.is_file():
        pytest.skip("the players are not installed: `make test` does it where there is npm")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with serving(await published(tmp_path_factory.mktemp("film"))) as site:
        yield site
