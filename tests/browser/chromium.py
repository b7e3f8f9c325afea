"""Debian's chromium, and what npm brings to it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

from tests.browser.site import LIBRARIES

READY = LIBRARIES.parent / "ready"
"""Written once all of the players are there."""

CHROMIUM = shutil.which("chromium")
_ARGUMENTS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required")
"""Root has no sandbox; a test has no user."""


def require_installed() -> None:
    """Skip a test that needs what is not there."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: `make test` does it as root (apt install chromium)")
    if not READY.is_file():
        pytest.skip("the players are not installed: `make test` does it where there is npm")


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Start a browser that lives as long as the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        await browser.close()
