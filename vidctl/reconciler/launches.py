"""What all launches of a replica share: slots, the RunTask rate, and the breaker.

Slots are counted from what is seen (a video with an open attempt occupies one), so that a restart finds them again.
The rate halves when AWS throttles and creeps back. The breaker opens on evidence that the configuration is at fault,
lets one launch a minute through as a probe, and closes on evidence of the same kind that it no longer is; no video is
blamed meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

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
BLAMELESS = 3
"""Different videos that must fail in the same way before it is no video's fault."""
WINDOW = timedelta(minutes=30)
"""Time within which they must fail: longer than the longest backoff."""


class Fault(StrEnum):
    """Where the configuration fails, and so what shows that it no longer does."""

    LAUNCH = "launch"
    """RunTask is refused; an accepted one shows."""
    START = "start"
    """Tasks cannot start; one that runs shows."""
    WORK = "work"
    """Workers cannot work; a publication shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Launches pause; from ``probe_at`` on one may try."""

    fault: Fault
    reason: str
    probe_at: datetime


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
        self._waiting: OrderedDict[VideoKey, datetime] = OrderedDict()
        self._breaker: Breaker | None = None
        self._probing: VideoKey | None = None
        self._failures: dict[Fault, dict[VideoKey, datetime]] = {fault: {} for fault in Fault}
        self._successes: OrderedDict[VideoKey, datetime] = OrderedDict()
        metrics.slots.set(slots)
        metrics.watch(metrics.slots_used, lambda: len(self._occupied))
        metrics.watch(metrics.waiting, lambda: len(self._waiting))
        metrics.watch(metrics.breaker_open, lambda: float(self._breaker is not None))

    def gate(self, key: VideoKey) -> LaunchGate:
        """Say whether this video may begin an attempt, or launch the one it has."""
        open_ = self._breaker is None or self._clock() >= self._breaker.probe_at
        return LaunchGate(
            begin=open_ and self._probing in (None, key) and self._first_in_line(key),
            launch=open_ and self._rate.ready(),
            paused=None if self._breaker is None else self._breaker.reason,
        )

    def occupy(self, key: VideoKey) -> bool:
        """Take a slot for a new attempt; False if there is none any more."""
        if key not in self._occupied and len(self._occupied) >= self.slots:
            return False
        self.seen(key, running_here=True)
        if self._breaker is not None:
            self._probing = key  # one attempt is enough to try with
        return True

    def take(self) -> bool:
        """Take a launch token (and the probe, if the breaker is open); False if there is none any more."""
        now = self._clock()
        if self._breaker is not None and now < self._breaker.probe_at:
            return False
        if not self._rate.take():
            return False
        if self._breaker is not None:
            self._breaker = replace(self._breaker, probe_at=now + PROBE_INTERVAL)
        self._probing = None
        return True

    def seen(self, key: VideoKey, *, running_here: bool) -> None:
        """Count the video's slot by what its pass found; a slot that falls free wakes who is next."""
        if running_here:
            self._waiting.pop(key, None)
            self._occupied.add(key)
            return
        if self._probing == key:
            self._probing = None
        if key in self._occupied:
            self._occupied.remove(key)
            if self._waiting:
                self._wake(next(iter(self._waiting)))

    def occupies(self, key: VideoKey) -> bool:
        """Whether the video has a slot of this replica."""
        return key in self._occupied

    def wait_for_slot(self, key: VideoKey) -> None:
        """Remember that the video asked for a slot; the first to ask is the first to get one."""
        self._waiting[key] = self._clock()

    def gone(self, key: VideoKey) -> None:
        """Forget a video that is settled."""
        self._waiting.pop(key, None)
        self.seen(key, running_here=False)

    def others_succeeded_at(self, key: VideoKey) -> datetime | None:
        """Return when another video was last published: evidence that the infrastructure works."""
        return max((at for other, at in self._successes.items() if other != key), default=None)

    # --- evidence -------------------------------------------------------------------------------------------------

    def accepted(self) -> None:
        """RunTask started a task."""
        self._rate.speed_up()
        self._mended(Fault.LAUNCH)

    def throttled(self) -> None:
        """RunTask was throttled."""
        self._rate.slow_down()

    def refused(self, reason: str) -> None:
        """RunTask can never succeed as things are configured."""
        self._open(Fault.LAUNCH, reason)

    def failed(self, key: VideoKey, fault: Fault, reason: str) -> None:
        """An attempt of this video ended for a reason that is no input's."""
        now = self._clock()
        recent = {other: at for other, at in self._failures[fault].items() if now - at < WINDOW}
        self._failures[fault] = recent | {key: now}
        if len(self._failures[fault]) >= BLAMELESS:
            self._open(fault, reason)

    def started(self, at: datetime) -> None:
        """A task of ours started to run at that time; one from before the trouble says nothing."""
        failures = self._failures[Fault.START]
        if all(at > failed_at for failed_at in failures.values()):
            self._mended(Fault.START)

    def succeeded(self, key: VideoKey) -> None:
        """A video was published."""
        self._successes[key] = self._clock()
        self._successes.move_to_end(key)
        while len(self._successes) > 2:  # noqa: PLR2004 - one of any two is another than the asker
            self._successes.popitem(last=False)
        self._mended(Fault.WORK)

    def _open(self, fault: Fault, reason: str) -> None:
        now = self._clock()
        if self._breaker is None:
            log.error("breaker_opened", fault=fault.value, reason=reason)
        self._breaker = Breaker(fault=fault, reason=reason, probe_at=now + PROBE_INTERVAL)

    def _mended(self, fault: Fault) -> None:
        self._failures[fault].clear()
        if self._breaker is not None and self._breaker.fault is fault:
            log.info("breaker_closed", fault=fault.value, reason=self._breaker.reason)
            self._breaker = self._probing = None

    def _first_in_line(self, key: VideoKey) -> bool:
        if key in self._occupied:
            return True
        now = self._clock()
        while self._waiting and now - next(iter(self._waiting.values())) > FORGOTTEN:
            self._waiting.popitem(last=False)
        free = self.slots - len(self._occupied)
        if key not in self._waiting:
            return free > len(self._waiting)
        return key in islice(self._waiting, max(free, 0))
