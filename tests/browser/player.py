"""A player in a page of a real browser, as a viewer uses it.

Nothing here sleeps: each wait ends when the page shows what is waited for, or fails with what it shows instead.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from playwright.async_api import Browser, Page
from playwright.async_api import TimeoutError as NeverShown

from tests.browser import film
from tests.browser.site import Site

PATIENCE = timedelta(seconds=30)
"""For one thing to be shown, on a machine that does much else."""

_SEEN = """() => {
  const { video, errors, events, frame, stalls } = page;
  const ranges = [...Array(video.buffered.length).keys()];
  return {
    errors, events, frame, stalls,
    second: video.currentTime, duration: video.duration, ready: video.readyState, ended: video.ended,
    width: video.videoWidth, height: video.videoHeight,
    buffered: ranges.map((range) => [video.buffered.start(range), video.buffered.end(range)]),
    audio_bytes: video.webkitAudioDecodedByteCount, dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
  };
}"""


class Player:
    """A page with one ``<video>`` and one player, which has opened a stream."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def seen(self) -> dict[str, Any]:
        """Return what the page shows now, and what happened until then."""
        return dict(await self._evaluate(_SEEN, None))

    async def ask(self, expression: str, argument: object = None) -> Any:
        """Return what a JavaScript expression of ``page`` (screen.js), ``video``, ``player`` and ``argument`` is."""
        try:
            return await self._evaluate(_function(expression), argument)
        except TimeoutError as error:
            raise await self._never(expression, argument) from error

    async def until(self, condition: str, argument: object = None) -> None:
        """Wait until such an expression is true."""
        try:
            await self._page.wait_for_function(_function(condition), arg=argument, timeout=PATIENCE / _MILLISECOND)
        except NeverShown as error:
            raise await self._never(condition, argument) from error

    async def _evaluate(self, function: str, argument: object) -> Any:
        # What a page promises it may never keep: play() waits for a first segment, however long.
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await self._page.evaluate(function, argument)

    async def _never(self, expression: str, argument: object) -> AssertionError:
        return AssertionError(f"never {expression} ({argument}): {json.dumps(await self.seen())}")

    async def play(self) -> None:
        await self.ask("video.play()")

    async def start(self) -> None:
        """Play until the first frames are on show, and pause; a seek before that is lost in some players."""
        await self.play()
        await self.until("page.frame?.number > 2")
        await self.pause()

    async def pause(self) -> None:
        await self.ask("video.pause()")

    async def seek(self, frame: int) -> None:
        """Go to the middle of a frame, and wait until it is that frame that is on show."""
        await self.ask("{ video.currentTime = argument }", float(film.middle_of(frame)))
        await self.until("!video.seeking && page.frame?.number === argument", frame)

    async def frames(self) -> list[tuple[float, int | None]]:
        """Return of every frame that was on show the second it belongs to and the number in its picture."""
        return [(at, number) for at, number in await self.ask("page.frames.map((f) => [f.mediaTime, f.number])")]


_MILLISECOND = timedelta(milliseconds=1)


def _function(expression: str) -> str:
    body = expression if expression.startswith("{") else f"{{ return {expression}; }}"
    return f"(argument) => {{ const {{ video, player }} = page; {body} }}"


@asynccontextmanager
async def opened(browser: Browser, site: Site, player: str, name: str) -> AsyncIterator[Player]:
    """Open a published object with a player of ``pages/``; nothing may go wrong until the block ends."""
    async with await browser.new_page(viewport={"width": 640, "height": 360}) as page:
        await page.goto(site.page(player))
        await page.wait_for_function("() => Boolean(window.page?.open)")
        viewer = Player(page)
        await viewer.ask("page.open(argument)", site.url(name))
        yield viewer
        assert (await viewer.seen())["errors"] == []
        assert not site.refused
