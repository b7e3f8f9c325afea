"""Whose fault an ended attempt is."""

from __future__ import annotations

import pytest

from tests import builders as b
from vidctl.model import FailureClass
from vidctl.reconciler.classify import (
    STOPPED_AS_SUPERSEDED,
    STOPPED_FOR_DEADLINE,
    STOPPED_FOR_START,
    classify,
    refused,
)

APP, PERMANENT, CAPACITY = FailureClass.APP, FailureClass.PERMANENT, FailureClass.CAPACITY
INFRASTRUCTURE, CONFIGURATION, THROTTLE = (
    FailureClass.INFRASTRUCTURE,
    FailureClass.CONFIGURATION,
    FailureClass.THROTTLE,
)
EXITED, FAILED_TO_START, BY_USER = "EssentialContainerExited", "TaskFailedToStart", "UserInitiated"

ECR_DENIED = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable "
    "to retrieve ecr registry auth: service call has been retried 3 time(s): AccessDeniedException: User: "
    "arn:aws:sts::123456789012:assumed-role/vidctl-execution/0a1b is not authorized to perform: "
    "ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken "
    "action"
)
SECRET_DENIED = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable "
    "to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret "
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:vidctl/CAPACITY-RESOURCE:KEY from secrets manager: "
    "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/vidctl-execution/0a1b is not authorized to "
    "perform: secretsmanager:GetSecretValue on resource: "
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:vidctl/token"
)
LOGS_DENIED = (
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to "
    "create Cloudwatch log stream: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/vidctl-execution"
    "/0a1b is not authorized to perform: logs:CreateLogStream on resource: "
    "arn:aws:logs:eu-west-1:123456789012:log-group:/vidctl/worker:log-stream:worker/worker/0a1b : exit status 1"
)
PULL_LIMIT = (
    "CannotPullContainerError: inspect image has been retried 1 time(s): httpReadSeeker: failed open: unexpected "
    "status code: 429 Too Many Requests - Server message: toomanyrequests: Rate exceeded"
)


@pytest.mark.parametrize(
    ("stop_code", "reason", "exit_code", "failure", "code"),
    [
        ("SpotInterruption", "Your Spot Task was interrupted.", None, INFRASTRUCTURE, "spot_interrupted"),
        ("TerminationNotice", "", None, INFRASTRUCTURE, "host_terminated"),
        ("InfrastructureHealth", "", 137, INFRASTRUCTURE, "host_fault"),
        (FAILED_TO_START, "Capacity is unavailable at this time.", None, CAPACITY, "no_capacity"),
        (FAILED_TO_START, "RESOURCE:ENI", None, CAPACITY, "no_capacity"),
        (FAILED_TO_START, "ClientException: Rate exceeded", None, THROTTLE, "throttled"),
        (FAILED_TO_START, "CannotPullContainerError: manifest unknown", None, CONFIGURATION, "cannot_start"),
        (FAILED_TO_START, "ResourceInitializationError: unable to pull secrets", None, CONFIGURATION, "cannot_start"),
        (FAILED_TO_START, ECR_DENIED, None, CONFIGURATION, "cannot_start"),
        (FAILED_TO_START, SECRET_DENIED, None, CONFIGURATION, "cannot_start"),
        (FAILED_TO_START, LOGS_DENIED, None, CONFIGURATION, "cannot_start"),
        (FAILED_TO_START, PULL_LIMIT, None, THROTTLE, "throttled"),
        (FAILED_TO_START, "Some resource: unknown", None, INFRASTRUCTURE, "failed_to_start"),
        (FAILED_TO_START, "Timeout waiting for network interface", None, INFRASTRUCTURE, "failed_to_start"),
        (FAILED_TO_START, "", None, INFRASTRUCTURE, "failed_to_start"),
        (BY_USER, STOPPED_FOR_DEADLINE, 143, APP, "deadline"),
        (BY_USER, STOPPED_FOR_START, None, INFRASTRUCTURE, "not_started"),
        (BY_USER, STOPPED_AS_SUPERSEDED, 143, INFRASTRUCTURE, "interrupted"),
        (BY_USER, "somebody pressed a button", 137, INFRASTRUCTURE, "interrupted"),
        ("ServiceSchedulerInitiated", "", 0, INFRASTRUCTURE, "interrupted"),
        (EXITED, "OutOfMemoryError: Container killed due to memory usage", 137, APP, "out_of_memory"),
        (EXITED, "", 0, APP, "no_result"),
        (EXITED, "", 65, PERMANENT, "refused"),
        (EXITED, "", 75, INFRASTRUCTURE, "temporary"),
        (EXITED, "", 78, CONFIGURATION, "misconfigured"),
        (EXITED, "", 137, APP, "killed"),
        (EXITED, "", 139, APP, "crashed"),
        (EXITED, "", 143, INFRASTRUCTURE, "interrupted"),
        (EXITED, "", None, INFRASTRUCTURE, "no_exit_code"),
        (None, "", None, INFRASTRUCTURE, "no_exit_code"),
    ],
)
def test_an_end_without_a_result_is_judged_by_stop_code_then_exit_code(
    stop_code: str | None, reason: str, exit_code: int | None, failure: FailureClass, code: str
) -> None:
    task = b.task(status="STOPPED", stop_code=stop_code, stopped_reason=reason, exit_code=exit_code)
    verdict = classify(task, None)
    assert (verdict.failure, verdict.code) == (failure, code)
    assert verdict.detail


def test_a_result_speaks_before_the_exit_code_and_after_the_host() -> None:
    told = b.result(failure=PERMANENT, code="no_video_stream")
    ended = b.task(status="STOPPED", stop_code=EXITED, exit_code=65)
    assert classify(ended, told).code == "no_video_stream"
    interrupted = b.task(status="STOPPED", stop_code="SpotInterruption", exit_code=65)
    assert classify(interrupted, told).failure is INFRASTRUCTURE


def test_a_success_without_its_outputs_is_the_app_s_fault() -> None:
    ended = b.task(status="STOPPED", stop_code=EXITED, exit_code=0)
    assert classify(ended, b.result()).failure is APP


def test_refusals_of_run_task_are_lack_of_room_unless_they_say_otherwise() -> None:
    assert refused(("RESOURCE:MEMORY",)).failure is CAPACITY
    assert refused(("AGENT", "not authorized to perform")).failure is CONFIGURATION
