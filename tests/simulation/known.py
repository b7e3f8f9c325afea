"""Bugs that systems like this one had, and the faults that spring each trap: a long run must have sprung all of them.

The sources are public issues and pull requests; ``rule`` is how vidctl goes about it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.catalogue import Fault


@dataclass(frozen=True, slots=True)
class Trap:
    """A bug of somebody else's, which happens when these faults meet a system without the rule."""

    number: int
    source: str
    bug: str
    rule: str
    faults: tuple[Fault, ...]


TRAPS = (
    Trap(1, "apache/airflow#16150", "RunTask is repeated on failures[], and ghosts run", "one token, settle, look",
         (Fault.NO_ROOM_BUT_STARTED,)),
    Trap(2, "kubernetes-sigs/karpenter#1448", "a crash between creating and recording starts a second one",
         "Intent before RunTask, which is get or create", (Fault.KILLED_AFTER_A_CALL, Fault.KILLED_AT_ANY_AWAIT)),
    Trap(3, "kubernetes/kubernetes#105200", "an end is counted twice on a stale reading",
         "one Outcome, written once", (Fault.OVERTAKEN_READ, Fault.LOST_TO_ITSELF)),
    Trap(4, "kubernetes/kubernetes#109485", "a job is finished before all that it started was seen",
         "leftovers are stopped in every final state", (Fault.ZOMBIE, Fault.VIEW_LAGS)),
    Trap(5, "kubernetes/kubernetes#125410", "a controller is stuck for ever on a record that it cannot read",
         "wait, raise the alarm, go on when somebody can", (Fault.TWO_VERSIONS,)),
    Trap(6, "dagster-io/dagster#33439", "a throttle inside another error is no throttle",
         "classified by message too", (Fault.THROTTLE_IN_DISGUISE,)),
    Trap(7, "aws/aws-sdk-ruby#3047", "a lack of room is an exception here and failures[] there",
         "one class for both", (Fault.QUOTA, Fault.NO_ROOM)),
    Trap(8, "dagster-io/dagster#6708", "what is stuck starting fills the slots", "start deadline of 15 min",
         (Fault.NEVER_STARTS, Fault.STARTS_SLOWLY)),
    Trap(9, "PrefectHQ/prefect#22410", "a failed start without containers is overlooked", "stop code first",
         (Fault.NO_CONTAINERS, Fault.FAILS_TO_START)),
    Trap(10, "PrefectHQ/prefect#13020", "a time-out of the launch is taken for a crash", "a time-out is unknown: look",
         (Fault.TIMEOUT_WITH_EFFECT, Fault.TIMEOUT_WITHOUT_EFFECT)),
    Trap(11, "nolar/kopf#1276", "a loop dies silently and the process lives on", "health is the loops' progress",
         (Fault.LOOP_ENDS,)),
    Trap(12, "apache/airflow PR 72421", "finished work is done again, since only running tasks are looked for",
         "Result and manifest before a launch", (Fault.ALL_DOWN, Fault.DIES_AFTER_ITS_RESULT)),
    Trap(13, "argoproj/argo-workflows#16294", "stale state runs a finished step again", "only fresh readings act",
         (Fault.PAUSED, Fault.STALLED)),
    Trap(14, "dask/dask-cloudprovider#483", "no task right after the launch is fatal", "missing is unknown for 5 min",
         (Fault.EMPTY_ANSWER, Fault.TASK_MISSING)),
    Trap(15, "celery/celery#5935", "what runs longer than its visibility runs twice", "holds, and a job's identity",
         (Fault.RECEIPT_EXPIRED, Fault.RECEIVED_TWICE)),
    Trap(16, "bbc/sqs-consumer#193", "Failed[] of a batch is ignored", "each entry counts",
         (Fault.EXTENDED_IN_PART, Fault.DELETED_IN_PART)),
    Trap(17, "aws/aws-sdk-js#2350", "a cancelled poll swallows messages", "it is let finish; the sweep finds the rest",
         (Fault.KILLED_IN_A_POLL, Fault.TERMINATED)),
    Trap(18, "bbc/sqs-consumer#137", "a receive hangs for ever", "every call has a deadline", (Fault.POLL_HANGS,)),
    Trap(19, "apache/airflow PR 69625", "a token is used again in the next round", "the token names round and number",
         (Fault.REDRIVEN_WHEN_DONE, Fault.STOPPED_STUB)),
    Trap(20, "psd401/aistudio PR 1420", "ListTasks with two filters is refused", "startedBy alone",
         (Fault.LISTING_CHANGED, Fault.REPLY_LOST)),
    Trap(21, "getmoto/moto#9054", "encoded keys are not found", "keys are decoded", (Fault.KEY_ENCODED,)),
    Trap(22, "aws/karpenter-provider-aws#2734", "a name used again deletes the wrong thing", "ETags and If-Match",
         (Fault.OVERWRITTEN, Fault.CHANGED_BEFORE_DELETION)),
    Trap(23, "nolar/kopf#734", "the record of a dead peer pauses the living", "no leases",
         (Fault.KILLED_AT_ANY_AWAIT, Fault.ALL_DOWN)),
    Trap(24, "aws/aws-sdk-js#1750", "a hold ends at 12 h and the work is done again", "renewed at 10 h",
         (Fault.HELD_LONG,)),
)  # fmt: skip
