from __future__ import annotations

import pytest

from vidctl.clients import Endpoints
from vidctl.errors import (
    AccessDenied,
    CapacityUnavailable,
    Misconfigured,
    NotFound,
    PreconditionFailed,
    Throttled,
    Unavailable,
    WorldError,
    WriteConflict,
)
from vidctl.refusals import meaning

# As AWS writes them; they name actions and resources, in which any words may stand.
READ_DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/vidctl-worker/0a1b is not authorized to perform: s3:GetObject on "
    'resource: "arn:aws:s3:::vidctl-raw/videos/ada/capacity is unavailable.mp4" because no identity-based policy '
    "allows the s3:GetObject action"
)
RUN_DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/vidctl-service/0a1b is not authorized to perform: ecs:RunTask on "
    "resource: arn:aws:ecs:eu-west-1:123456789012:task-definition/vidctl-worker:7 because no identity-based policy "
    "allows the ecs:RunTask action"
)
PASS_DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/vidctl-service/0a1b is not authorized to perform: iam:PassRole "
    "on resource: arn:aws:iam::123456789012:role/throttling-watch with an explicit deny in a permissions boundary"
)
TOO_SLOW = (
    "Your socket connection to the server was not read from or written to within the timeout period. Idle connections "
    "will be closed."
)

ANSWERS: list[tuple[str, str, int, type[WorldError]]] = [
    # S3
    ("404", "Not Found", 404, NotFound),
    ("NoSuchKey", "The specified key does not exist.", 404, NotFound),
    ("NoSuchBucket", "The specified bucket does not exist", 404, Misconfigured),
    ("403", "Forbidden", 403, AccessDenied),
    ("AccessDenied", "Access Denied", 403, AccessDenied),
    ("SignatureDoesNotMatch", "The request signature we calculated does not match", 403, AccessDenied),
    ("ExpiredToken", "The provided token has expired.", 400, AccessDenied),
    ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412, PreconditionFailed),
    ("412", "Precondition Failed", 412, PreconditionFailed),
    ("ConditionalRequestConflict", "The conditional request cannot succeed due to a conflict", 409, WriteConflict),
    ("409", "Conflict", 409, WriteConflict),
    ("SlowDown", "Please reduce your request rate.", 503, Throttled),
    ("AccessDenied", READ_DENIED, 403, AccessDenied),
    ("InternalError", "We encountered an internal error. Please try again.", 500, Unavailable),
    ("InternalError", "We encountered an internal error. Please try again.", 200, Unavailable),
    ("ServiceUnavailable", "Reduce your request rate", 503, Unavailable),
    ("RequestTimeout", "Your socket connection to the server was not read from", 408, Unavailable),
    ("RequestTimeout", TOO_SLOW, 400, Unavailable),
    ("RequestTimeoutException", "", 400, Unavailable),
    (
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        400,
        Unavailable,
    ),
    ("BadDigest", "The SHA256 you specified did not match the calculated checksum.", 400, Misconfigured),
    ("InvalidRange", "The requested range is not satisfiable", 416, Misconfigured),
    # SQS
    ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400, Misconfigured),
    ("ReceiptHandleIsInvalid", "The input receipt handle is invalid.", 404, Misconfigured),
    ("RequestThrottled", "Request is throttled.", 403, Throttled),
    # ECS
    ("ThrottlingException", "Rate exceeded", 400, Throttled),
    ("InvalidParameterException", "Error retrieving subnets: Rate exceeded (ErrorCode: Throttling)", 400, Throttled),
    ("ClusterNotFoundException", "Cluster not found.", 400, Misconfigured),
    ("ClientException", "TaskDefinition is inactive", 400, Misconfigured),
    ("AccessDeniedException", RUN_DENIED, 400, AccessDenied),
    ("AccessDeniedException", PASS_DENIED, 400, AccessDenied),
    ("UnrecognizedClientException", "The security token included in the request is invalid.", 400, AccessDenied),
    ("ClientException", "You've reached the limit on the number of tasks you can run", 400, CapacityUnavailable),
    ("ServerException", "Capacity is unavailable at this time.", 500, CapacityUnavailable),
    ("ServerException", "Service Unavailable. Please try again later.", 500, Unavailable),
    ("", "", 502, Unavailable),
    ("", "", 400, Misconfigured),
]


@pytest.mark.parametrize(("code", "message", "status", "expected"), ANSWERS)
def test_an_answer_of_aws_has_one_meaning(code: str, message: str, status: int, expected: type[WorldError]) -> None:
    assert meaning(code, message, status) is expected


def test_endpoints_do_not_show_their_secret() -> None:
    endpoints = Endpoints(aws="http://127.0.0.1", region="r", access_key_id="id", secret_access_key="hidden")
    assert "hidden" not in repr(endpoints)
