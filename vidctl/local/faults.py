"""What the local ECS is told to do wrong, for the next calls of an operation."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

from vidctl.errors import Malformed


class FaultKind(StrEnum):
    """A way in which a call to ECS, or the task that it starts, goes wrong."""

    THROTTLED = "throttled"
    ACCESS_DENIED = "access_denied"
    SERVER_ERROR = "server_error"
    LOST_REPLY = "lost_reply"
    """The call takes effect and the connection ends without an answer."""
    CAPACITY = "capacity"
    """RunTask answers with ``failures[]`` and starts nothing."""
    GHOST = "ghost"
    """RunTask answers with ``failures[]`` and the task starts all the same."""
    NEVER_STARTS = "never_starts"
    """The task stays in PROVISIONING until it is stopped."""
    FAILS_TO_START = "fails_to_start"
    OUT_OF_MEMORY = "out_of_memory"
    """The container is killed once it runs, and ECS says why."""


ANY_OPERATION = frozenset({
    FaultKind.THROTTLED, FaultKind.ACCESS_DENIED, FaultKind.SERVER_ERROR, FaultKind.LOST_REPLY,
})  # fmt: skip
OPERATIONS = ("RunTask", "DescribeTasks", "ListTasks", "StopTask")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """``kind`` happens to the next ``times`` calls of ``operation``; ``reason`` replaces ECS's usual words."""

    kind: FaultKind
    operation: str = "RunTask"
    times: int = 1
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot happen."""
        if self.operation not in OPERATIONS:
            raise Malformed(f"operation: {self.operation!r} is not one of {', '.join(OPERATIONS)}")
        if self.operation != "RunTask" and self.kind not in ANY_OPERATION:
            raise Malformed(f"kind: {self.kind!r} can only happen to RunTask")
        if self.times < 1:
            raise Malformed("times: must be at least 1")


class FaultScript:
    """The faults to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: deque[Fault] = deque()

    def add(self, fault: Fault) -> None:
        """Let ``fault`` happen after those added before."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self._faults.clear()

    def take(self, operation: str) -> Fault | None:
        """Return the fault of this call of ``operation``, if there is one, and count it."""
        for index, fault in enumerate(self._faults):
            if fault.operation == operation:
                del self._faults[index]
                if fault.times > 1:
                    self._faults.insert(index, replace(fault, times=fault.times - 1))
                return fault
        return None
