"""What each call of a replica may meet."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation.catalogue import Fault

ANY_CALL = (
    Fault.CALL_REFUSED,
    Fault.REPLY_LOST,
    Fault.TIMEOUT_WITHOUT_EFFECT,
    Fault.THROTTLED,
    Fault.CREDENTIALS_EXPIRED,
    Fault.KILLED_BEFORE_A_CALL,
    Fault.KILLED_AFTER_A_CALL,
    Fault.PAUSED,
    Fault.SLOW,
)
ANY_CHANGE = (*ANY_CALL, Fault.APPLIED_LATE, Fault.TIMEOUT_WITH_EFFECT, Fault.SERVER_ERROR)
OF_WRITES = (Fault.WRITE_CONFLICT, Fault.LOST_TO_ITSELF, Fault.OUTPUT_REMOVED_BY_HAND)
FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "objects.head": (*ANY_CALL, Fault.SLOW_DOWN, Fault.FORBIDDEN_FOR_MISSING),
    "objects.get": (*ANY_CALL, Fault.SLOW_DOWN),
    "objects.read_range": (*ANY_CALL, Fault.SLOW_DOWN, Fault.CHANGED_BEFORE_A_GLANCE),
    "objects.list": (*ANY_CALL, Fault.SLOW_DOWN, Fault.LISTING_CUT),
    "objects.create": (*ANY_CHANGE, Fault.SLOW_DOWN, *OF_WRITES),
    "objects.replace": (*ANY_CHANGE, Fault.SLOW_DOWN, *OF_WRITES),
    "objects.delete": (*ANY_CHANGE, Fault.SLOW_DOWN, Fault.CHANGED_BEFORE_DELETION),
    "objects.delete_many": (*ANY_CHANGE, Fault.SLOW_DOWN, Fault.REMOVED_IN_PART),
    "objects.copy": (*ANY_CHANGE, Fault.SLOW_DOWN, Fault.COPY_FAILED_WITH_200),
    "queue.receive": (
        *ANY_CALL,
        Fault.RECEIVES_NOTHING,
        Fault.RECEIVED_TWICE,
        Fault.POLL_HANGS,
        Fault.RECEIVE_COUNT_JUMPS,
    ),
    "queue.delete": (*ANY_CHANGE, Fault.DELETED_IN_PART, Fault.DELIVERED_AFTER_DELETION),
    "queue.extend": (*ANY_CHANGE, Fault.EXTENDED_IN_PART, Fault.RECEIPT_EXPIRED),
    "queue.send": (*ANY_CHANGE, Fault.SENT_TWICE),
    "queue.depth": ANY_CALL,
    "tasks.run": (
        *ANY_CHANGE,
        Fault.LAUNCH_THROTTLED,
        Fault.THROTTLE_IN_DISGUISE,
        Fault.NO_ROOM,
        Fault.NO_ROOM_BUT_STARTED,
        Fault.EMPTY_ANSWER,
        Fault.TOKEN_CONFLICT,
        Fault.QUOTA,
        Fault.LAUNCH_DENIED,
    ),
    "tasks.describe": (*ANY_CALL, Fault.TASK_MISSING, Fault.STATUS_BACKWARDS),
    "tasks.started_by": (*ANY_CALL, Fault.LISTING_CHANGED),
    "tasks.family": (*ANY_CALL, Fault.LISTING_CHANGED),
    "receiver.tell": (*ANY_CHANGE, Fault.NOTICE_REFUSED, Fault.NOTICE_TAKEN_IN_SILENCE),
    "tasks.stop": (*ANY_CHANGE, Fault.STOP_IGNORED),
}
"""What each call may meet."""
CHANGES = frozenset(operation for operation, faults in FAULTS.items() if Fault.APPLIED_LATE in faults)
