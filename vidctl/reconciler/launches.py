"""The gate that every launch of a replica goes through: a slot, a token of RunTask's rate, and the breaker's leave.

Slots are counted from what is seen (a video with an open attempt occupies one), so that a restart finds them again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.ports import Clock
from vidctl.reconciler.breaker import Breaker, Fault
from vidctl.reconciler.observation import LaunchGate
from vidctl.reconciler.rate import Rate
from vidctl.reconciler.slots import Slots


class Launches:
    """What all launches share."""

    def __init__(
        self,
        *,
        slots: int,
        slots_per_user: int | None = None,
        rate: Rate,
        clock: Clock,
        metrics: Metrics,
        wake: Callable[[VideoKey], None],
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._slots = Slots(slots, most=slots_per_user, clock=clock, wake=wake)
        self._breaker = Breaker(clock=clock)
        self._successes: OrderedDict[VideoKey, datetime] = OrderedDict()
        metrics.slots.set(slots)
        metrics.watch(metrics.slots_used, lambda: self._slots.taken)
        metrics.watch(metrics.waiting, lambda: self._slots.waiting)
        metrics.watch(metrics.breaker_open, lambda: float(self._breaker.reason is not None))

    def gate(self, key: VideoKey) -> LaunchGate:
        """Say whether this video may begin an attempt, or launch the one it has."""
        return LaunchGate(
            begin=self._breaker.may_begin(key) and self._slots.free_for(key),
            launch=self._breaker.may_launch() and self._rate.ready(),
            paused=self._breaker.reason,
        )

    def occupy(self, key: VideoKey) -> bool:
        """Take a slot for a new attempt; False if there is none any more."""
        if not self._slots.open_to(key):
            return False
        self._slots.take(key)
        self._breaker.begun(key)
        return True

    def take(self) -> bool:
        """Take a launch token, and the breaker's probe if it is open; False if there is none any more."""
        if not self._breaker.may_launch() or not self._rate.take():
            return False
        self._breaker.launched()
        return True

    def occupies(self, key: VideoKey) -> bool:
        """Whether the video has a slot of this replica."""
        return key in self._slots

    def seen(self, key: VideoKey, *, running_here: bool) -> None:
        """Count the video's slot by what its pass found."""
        if running_here:
            self._slots.take(key)
        else:
            self._breaker.abandoned(key)
            self._slots.give_back(key)

    def wait_for_slot(self, key: VideoKey) -> None:
        """Remember that the video asked for a slot."""
        self._slots.wait(key)

    def gone(self, key: VideoKey) -> None:
        """Forget a video that is settled."""
        self._slots.leave(key)
        self.seen(key, running_here=False)

    # --- evidence -------------------------------------------------------------------------------------------------

    def accepted(self) -> None:
        """RunTask started a task."""
        self._rate.speed_up()
        self._breaker.mended(Fault.LAUNCH)

    def throttled(self) -> None:
        """RunTask was throttled."""
        self._rate.slow_down()

    def refused(self, reason: str) -> None:
        """RunTask can never succeed as things are configured."""
        self._breaker.refused(reason)

    def failed(self, key: VideoKey, fault: Fault, reason: str) -> None:
        """An attempt of this video ended for a reason that is no input's."""
        self._breaker.failed(key, fault, reason)

    def started(self, at: datetime) -> None:
        """A task of ours started to run at that time."""
        self._breaker.started(at)

    def succeeded(self, key: VideoKey) -> None:
        """A video was published."""
        self._successes[key] = self._clock()
        self._successes.move_to_end(key)
        while len(self._successes) > 2:  # noqa: PLR2004 - one of any two is another than the asker
            self._successes.popitem(last=False)
        self._breaker.mended(Fault.WORK)

    def others_succeeded_at(self, key: VideoKey) -> datetime | None:
        """Return when another video was last published: evidence that the infrastructure works."""
        return max((at for other, at in self._successes.items() if other != key), default=None)
