"""One look at a video for however many follow it: the calls to AWS are those of the videos, not of the watchers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from vidctl import logs
from vidctl.errors import Unavailable, VidctlError
from vidctl.history import History
from vidctl.http.videos.changes import FINAL
from vidctl.http.videos.histories import Histories, VideoNotFound
from vidctl.metrics import Metrics
from vidctl.model import VideoKey

LONGEST = timedelta(seconds=15)
"""Pause while nothing happens."""

log = logs.get(__name__)


def pause(quiet: timedelta, shortest: timedelta) -> timedelta:
    """Return the time to the next look at a video on which nothing has changed for ``quiet``."""
    return min(max(quiet / 8, shortest), LONGEST)


class Watch:
    """A video that somebody follows. ``latest`` is what was read last; ``over`` that nothing follows."""

    def __init__(self, histories: Histories, key: VideoKey, shortest: timedelta) -> None:
        self._histories = histories
        self._key = key
        self._shortest = shortest
        self._changed = asyncio.Event()
        self._error: VidctlError | None = None
        self.latest: History | None = None
        self.over = False
        self.followers = 0

    async def first(self) -> History:
        """Return what is known of the video, as soon as something is.

        Raises:
            VideoNotFound: there is none. WorldError: it cannot be read. Only where nothing was read before.

        """
        while self.latest is None:
            if self._error is not None:
                raise self._error
            if self.over:
                raise Unavailable(f"{self._key}: nobody looks any more")
            await self._changed.wait()
        return self.latest

    async def change(self, known: History) -> None:
        """Wait until there is something else than is ``known``, or nothing will be."""
        while self.latest is known and not self.over:
            await self._changed.wait()

    def end(self) -> None:
        """Send whoever follows away."""
        self.over = True
        self._tell()

    async def run(self) -> None:
        """Look at the video until its end, or until it cannot be looked at to begin with."""
        loop = asyncio.get_running_loop()
        changed_at = loop.time()
        try:
            while not self.over:
                if await self._look():
                    changed_at = loop.time()
                    self._tell()
                if self._is_last():
                    return
                quiet = timedelta(seconds=loop.time() - changed_at)
                await asyncio.sleep(pause(quiet, self._shortest).total_seconds())
        finally:
            self.end()

    async def _look(self) -> bool:
        """Read the video once; return whether something changed."""
        try:
            now = await self._histories.history(self._key)
        except VidctlError as error:
            # What was read before stands; who follows waits for the next look.
            self._error = error
            log.info("watch_failed", video_id=self._key.video_id, code=error.code, error=str(error))
            return False
        self._error = None
        if now == self.latest:
            return False
        self.latest = now
        return True

    def _is_last(self) -> bool:
        if self._error is not None:
            return self.latest is None or isinstance(self._error, VideoNotFound)
        return self.latest is not None and self.latest.state in FINAL

    def _tell(self) -> None:
        # Whoever waits has the old one in hand.
        self._changed.set()
        self._changed = asyncio.Event()


class Watches:
    """The videos that somebody follows at this replica, each looked at after ``shortest`` at the soonest."""

    def __init__(self, *, histories: Histories, shortest: timedelta, metrics: Metrics) -> None:
        self._histories = histories
        self._shortest = shortest
        self._streams = metrics.event_streams
        self._watches: dict[VideoKey, tuple[Watch, asyncio.Task[None]]] = {}
        metrics.watch(metrics.watched_videos, lambda: len(self._watches))

    @asynccontextmanager
    async def following(self, key: VideoKey) -> AsyncIterator[Watch]:
        """Follow a video for the block; the last to leave ends the looking."""
        watch = self._watch(key)
        watch.followers += 1
        try:
            with self._streams.track_inprogress():
                yield watch
        finally:
            watch.followers -= 1
            held = self._watches.get(key)
            if watch.followers == 0 and held is not None and held[0] is watch:
                del self._watches[key]
                held[1].cancel()

    def close(self) -> None:
        """Send everybody away: the process ends, and another one goes on from what they know."""
        for watch, _ in self._watches.values():
            watch.end()

    def _watch(self, key: VideoKey) -> Watch:
        held = self._watches.get(key)
        if held is not None and not held[0].over:
            return held[0]
        watch = Watch(self._histories, key, self._shortest)
        looking = asyncio.get_running_loop().create_task(watch.run(), name=f"watch {key}")
        looking.add_done_callback(_report)
        self._watches[key] = (watch, looking)
        return watch


def _report(looking: asyncio.Task[None]) -> None:
    """Log a defect, which else nobody would hear of: those who follow are sent away, and come again."""
    if not looking.cancelled() and (error := looking.exception()) is not None:
        log.error("watch_broke", exc_info=error)
