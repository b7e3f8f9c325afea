"""The breaker: pauses launches while the configuration is at fault, so that no video is blamed for it.

It opens on evidence that no input explains, lets one launch a minute through as a probe, and closes on evidence of the
same kind that the fault is gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from vidctl import logs
from vidctl.model import VideoKey
from vidctl.ports import Clock

log = logs.get(__name__)

PROBE_INTERVAL = timedelta(minutes=1)
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


class Breaker:
    """Closed: ``reason`` is None. Open: it says why."""

    def __init__(self, *, clock: Clock) -> None:
        self.reason: str | None = None
        self._fault: Fault | None = None
        self._clock = clock
        self._probe_at: datetime | None = None
        self._prober: VideoKey | None = None
        self._failures: dict[Fault, dict[VideoKey, datetime]] = {fault: {} for fault in Fault}

    def may_launch(self) -> bool:
        """Whether the next launch may be made: always, or as the probe of this minute."""
        return self._probe_at is None or self._clock() >= self._probe_at

    def may_begin(self, key: VideoKey) -> bool:
        """Whether this video may begin an attempt: while open, one at a time is enough to try with."""
        return self.may_launch() and self._prober in (None, key)

    def begun(self, key: VideoKey) -> None:
        """An attempt was begun; while open, it is the one to try with."""
        if self.reason is not None:
            self._prober = key

    def launched(self) -> None:
        """A launch is made; while open, the next may follow in a minute."""
        self._prober = None
        if self.reason is not None:
            self._probe_at = self._clock() + PROBE_INTERVAL

    def abandoned(self, key: VideoKey) -> None:
        """This video has no attempt to try with, after all."""
        if self._prober == key:
            self._prober = None

    def refused(self, reason: str) -> None:
        """RunTask can never succeed as things are."""
        self._open(Fault.LAUNCH, reason)

    def failed(self, key: VideoKey, fault: Fault, reason: str) -> None:
        """An attempt of this video ended for a reason that is no input's."""
        now = self._clock()
        recent = {other: at for other, at in self._failures[fault].items() if now - at < WINDOW}
        self._failures[fault] = recent | {key: now}
        if len(self._failures[fault]) >= BLAMELESS:
            self._open(fault, reason)

    def started(self, at: datetime) -> None:
        """A task started to run at that time; one from before the trouble says nothing."""
        if all(at > failed_at for failed_at in self._failures[Fault.START].values()):
            self.mended(Fault.START)

    def mended(self, fault: Fault) -> None:
        """There is evidence that things do not fail in this way any more."""
        self._failures[fault].clear()
        if self._fault is fault:
            log.info("breaker_closed", fault=fault.value, reason=self.reason)
            self.reason = self._fault = self._probe_at = self._prober = None

    def _open(self, fault: Fault, reason: str) -> None:
        if self.reason is None:
            log.error("breaker_opened", fault=fault.value, reason=reason)
        self.reason, self._fault = reason, fault
        self._probe_at = self._clock() + PROBE_INTERVAL
