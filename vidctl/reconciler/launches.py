"""What all launches of a replica share: slots, the RunTask rate, and the breaker.

Slots are counted from what is seen (a video with an open attempt occupies one), so that a restart finds them again.
The rate halves when AWS throttles and creeps back. The breaker opens on evidence that the configuration is at fault,
lets one launch a minute through as a probe, and closes when one succeeds; no video is blamed meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from vidctl import logs
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.ports import Clock
from vidctl.reconciler.observation import LaunchGate
from vidctl.reconciler.rate import Rate

log = logs.get(__name__)

PROBE_INTERVAL = timedelta(minutes=1)
FORGOTTEN = timedelta(minutes=2)
"""A video that has not asked for its slot for so long has gone elsewhere."""
START_FAILURES = 3
"""Different videos whose tasks must fail to start in the same way before it is no video's fault."""
START_WINDOW = timedelta(minutes=10)


class Launches:
    """The gate that every launch of this replica goes through."""

    def __init__(
        self, *, slots: int, rate: Rate, clock: Clock, metrics: Metrics, wake: Callable[[VideoKey], None]
    ) -> None:
        self.slots = slots
        self._rate = rate
        self._clock = clock
        self._metrics = metrics
        self._wake = wake
        self._occupied: set[VideoKey] = set()
        self._running: set[VideoKey] = set()
        self._waiting: OrderedDict[VideoKey, datetime] = OrderedDict()
        self._paused: str | None = None
        self._paused_since: datetime | None = None
        self._paused_at_start = False
        self._probe_at: datetime | None = None
        self._start_failures: dict[VideoKey, datetime] = {}
        self._successes: OrderedDict[VideoKey, datetime] = OrderedDict()
        metrics.slots.set(slots)
        metrics.watch(metrics.slots_used, lambda: len(self._occupied))
        metrics.watch(metrics.waiting, lambda: len(self._waiting))
        metrics.watch(metrics.breaker_open, lambda: float(self._paused is not None))

    @property
    def occupied(self) -> int:
        """Count the slots in use."""
        return len(self._occupied)

    def gate(self, key: VideoKey) -> LaunchGate:
        """Say whether this video may begin an attempt, or launch the one it has."""
        probing = self._paused is None or self._probe_due()
        begin = self._first_in_line(key) and (self._paused is None or (probing and self._occupied <= self._running))
        return LaunchGate(begin=begin, launch=probing and self._rate.ready(), paused=self._paused)

    def occupy(self, key: VideoKey) -> bool:
        """Take a slot for a new attempt; False if there is none any more."""
        if key not in self._occupied and len(self._occupied) >= self.slots:
            return False
        self.seen(key, open_attempt=True)
        return True

    def take(self) -> bool:
        """Take a launch token (and the probe, if the breaker is open); False if there is none any more."""
        if self._paused is not None:
            if not self._probe_due():
                return False
            self._probe_at = self._clock() + PROBE_INTERVAL
        return self._rate.take()

    def seen(self, key: VideoKey, *, open_attempt: bool, running: bool = False) -> None:
        """Count the video's slot by what its pass found; a slot that falls free wakes who is next."""
        (self._running.add if running else self._running.discard)(key)
        if open_attempt:
            self._waiting.pop(key, None)
            self._occupied.add(key)
        elif key in self._occupied:
            self._occupied.remove(key)
            if self._waiting:
                self._wake(next(iter(self._waiting)))

    def wait_for_slot(self, key: VideoKey) -> None:
        """Remember that the video asked for a slot; the first to ask is the first to get one."""
        self._waiting[key] = self._clock()

    def gone(self, key: VideoKey) -> None:
        """Forget a video that is settled."""
        self._waiting.pop(key, None)
        self.seen(key, open_attempt=False)

    def others_succeeded_at(self, key: VideoKey) -> datetime | None:
        """Return when another video was last published: evidence that the infrastructure works."""
        return max((at for other, at in self._successes.items() if other != key), default=None)

    # --- evidence -------------------------------------------------------------------------------------------------

    def accepted(self) -> None:
        """RunTask started a task."""
        self._rate.speed_up()
        if not self._paused_at_start:
            self._close()

    def throttled(self) -> None:
        """RunTask was throttled."""
        self._rate.slow_down()

    def refused(self, reason: str) -> None:
        """RunTask can never succeed as things are configured."""
        self._open(reason, at_start=False)

    def failed_to_start(self, key: VideoKey, reason: str) -> None:
        """A task could not start for a reason that is no input's."""
        now = self._clock()
        self._start_failures[key] = now
        self._start_failures = {k: at for k, at in self._start_failures.items() if now - at < START_WINDOW}
        if len(self._start_failures) >= START_FAILURES:
            self._open(reason, at_start=True)

    def started(self, at: datetime) -> None:
        """A task of ours started to run at that time; one from before the trouble says nothing."""
        self._start_failures = {key: failed for key, failed in self._start_failures.items() if failed > at}
        if self._paused_at_start and self._paused_since is not None and at > self._paused_since:
            self._close()

    def succeeded(self, key: VideoKey) -> None:
        """A video was published."""
        self._successes[key] = self._clock()
        self._successes.move_to_end(key)
        while len(self._successes) > 2:  # noqa: PLR2004 - one of any two is another than the asker
            self._successes.popitem(last=False)
        if self._paused_at_start:
            self._close()

    def _open(self, reason: str, *, at_start: bool) -> None:
        if self._paused is None:
            log.error("breaker_opened", reason=reason)
            self._paused_since = self._clock()
        self._paused, self._paused_at_start = reason, at_start
        self._probe_at = self._clock() + PROBE_INTERVAL

    def _close(self) -> None:
        if self._paused is None:
            return
        log.info("breaker_closed", reason=self._paused)
        self._paused = self._paused_since = self._probe_at = None
        self._start_failures.clear()

    def _probe_due(self) -> bool:
        return self._probe_at is not None and self._clock() >= self._probe_at

    def _first_in_line(self, key: VideoKey) -> bool:
        if key in self._occupied:
            return True
        now = self._clock()
        while self._waiting and now - next(iter(self._waiting.values())) > FORGOTTEN:
            self._waiting.popitem(last=False)
        free = self.slots - len(self._occupied)
        if key not in self._waiting:
            return free > len(self._waiting)
        ahead = list(self._waiting)[: max(free, 0)]
        return key in ahead
