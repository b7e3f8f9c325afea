"""Whose fault an ended attempt is: from the stop code first, then the worker's Result, then the exit code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vidctl.model import FailureClass, Task
from vidctl.records import Result

STOPPED_FOR_DEADLINE = "vidctl: deadline exceeded"
STOPPED_FOR_START = "vidctl: not started in time"
STOPPED_AS_SUPERSEDED = "vidctl: no longer wanted"

OUT_OF_MEMORY = "out_of_memory"
DISK_FULL = "disk_full"

# sysexits(3) and the shell's 128 + signal; the worker's own contract.
EXIT_CODES: dict[int, tuple[FailureClass, str]] = {
    0: (FailureClass.APP, "no_result"),
    65: (FailureClass.PERMANENT, "refused"),
    75: (FailureClass.INFRASTRUCTURE, "temporary"),
    78: (FailureClass.CONFIGURATION, "misconfigured"),
    137: (FailureClass.APP, "killed"),
    143: (FailureClass.INFRASTRUCTURE, "interrupted"),
}

# AWS: stopCode of a task (ECS API reference, Task).
HOST_STOP_CODES = {
    "SpotInterruption": "spot_interrupted",
    "TerminationNotice": "host_terminated",
    "InfrastructureHealth": "host_fault",
}

CAPACITY_WORDS = ("capacity is unavailable", "limit on the number of", "provisioning state")
# As in RESOURCE:CPU. Not "on resource: arn:…", with which IAM refuses.
LACK = re.compile(r"\bRESOURCE:[A-Z]")
THROTTLE_WORDS = ("rate exceeded", "throttling")
CONFIGURATION_WORDS = (
    "cannotpull",
    "resourceinitializationerror",
    "not authorized",
    "accessdenied",
    "unable to assume",
    "cannotcreatecontainer",
    "exec format",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt failed: class, one word, and a sentence for a person."""

    failure: FailureClass
    code: str
    detail: str


def classify(task: Task, result: Result | None) -> Verdict:
    """Judge a stopped task that did not lead to a publication."""
    detail = _evidence(task)
    if task.stop_code in HOST_STOP_CODES:
        return Verdict(FailureClass.INFRASTRUCTURE, HOST_STOP_CODES[task.stop_code], detail)
    if task.stop_code == "TaskFailedToStart":
        return _failed_to_start(task, detail)
    if task.stop_code in ("UserInitiated", "ServiceSchedulerInitiated"):
        return _stopped(task, result, detail)
    if result is not None and result.failure is not None:
        return classify_result(result)
    return _exited(task, detail)


def classify_result(result: Result) -> Verdict:
    """Judge by what the worker said of itself."""
    if result.failure is None:
        return Verdict(FailureClass.APP, "no_outputs", "the worker reported success, but its outputs are not there")
    return Verdict(result.failure, result.code, result.detail)


def refused(reasons: tuple[str, ...]) -> Verdict:
    """Judge RunTask's ``failures[]``: no room, unless a reason says that the configuration is at fault."""
    detail = "; ".join(reasons)
    if any(words in detail.lower() for words in CONFIGURATION_WORDS):
        return Verdict(FailureClass.CONFIGURATION, "launch_refused", detail)
    return Verdict(FailureClass.CAPACITY, "no_capacity", detail)


def _failed_to_start(task: Task, detail: str) -> Verdict:
    said = f"{task.stopped_reason} {task.container_reason}"
    text = said.lower()
    if any(words in text for words in THROTTLE_WORDS):
        return Verdict(FailureClass.THROTTLE, "throttled", detail)
    # Before capacity: these sentences quote actions and resources, in which any words may stand.
    if any(words in text for words in CONFIGURATION_WORDS):
        return Verdict(FailureClass.CONFIGURATION, "cannot_start", detail)
    if LACK.search(said) or any(words in text for words in CAPACITY_WORDS):
        return Verdict(FailureClass.CAPACITY, "no_capacity", detail)
    return Verdict(FailureClass.INFRASTRUCTURE, "failed_to_start", detail)


def _stopped(task: Task, result: Result | None, detail: str) -> Verdict:
    if task.stopped_reason.startswith(STOPPED_FOR_DEADLINE):
        return Verdict(FailureClass.APP, "deadline", detail)
    if task.stopped_reason.startswith(STOPPED_FOR_START):
        return Verdict(FailureClass.INFRASTRUCTURE, "not_started", detail)
    if result is not None and result.failure is FailureClass.PERMANENT:
        return classify_result(result)
    return Verdict(FailureClass.INFRASTRUCTURE, "interrupted", detail)


def _exited(task: Task, detail: str) -> Verdict:
    if "outofmemory" in f"{task.stopped_reason} {task.container_reason}".lower():
        return Verdict(FailureClass.APP, OUT_OF_MEMORY, detail)
    if task.exit_code is None:
        return Verdict(FailureClass.INFRASTRUCTURE, "no_exit_code", detail)
    failure, code = EXIT_CODES.get(task.exit_code, (FailureClass.APP, "crashed"))
    return Verdict(failure, code, detail)


def _evidence(task: Task) -> str:
    parts = (
        f"stop code {task.stop_code}" if task.stop_code else "",
        f"exit code {task.exit_code}" if task.exit_code is not None else "",
        task.stopped_reason,
        task.container_reason,
    )
    return "; ".join(part for part in parts if part) or "the task stopped without saying why"
