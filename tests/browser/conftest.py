"""A browser, and a site with one published film; both once for the session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import launched, require_installed
from tests.browser.show import published
from tests.browser.site import Site, serving


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    require_installed()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with serving(await published(tmp_path_factory.mktemp("film"))) as site:
        yield site
