"""What AWS means by refusing a call: codes, words and statuses → ``errors`` (P)."""

from __future__ import annotations

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

THROTTLES = frozenset({
    "AWS.SimpleQueueService.OverLimit",
    "OverLimit",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
})  # fmt: skip
# A throttle can hide in another error's message (reported: InvalidParameterException, "… Rate exceeded").
THROTTLE_WORDS = ("rate exceeded", "throttling")
CAPACITY_WORDS = ("capacity is unavailable", "limit on the number of", "provisioning state")
NOT_FOUND = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload", "NoSuchVersion"})
DENIED = frozenset({
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
})  # fmt: skip
# S3 says with 400 that a body came too slowly or was cut off, and with 200 that a copy failed on its side.
PASSING = frozenset({
    "IncompleteBody",
    "InternalError",
    "InternalFailure",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
})  # fmt: skip
CONFLICTS = frozenset({"ConditionalRequestConflict", "OperationAborted", "409"})


def meaning(code: str, message: str, status: int) -> type[WorldError]:
    """Return what an AWS error says, by code, message and HTTP status; an unknown refusal is a misconfiguration."""
    # The sentence of a refusal names actions and resources, in which any words may stand.
    if code in DENIED:
        return AccessDenied
    text = message.lower()
    if code in THROTTLES or any(words in text for words in THROTTLE_WORDS):
        return Throttled
    if any(words in text for words in CAPACITY_WORDS):
        return CapacityUnavailable
    if code in CONFLICTS:
        return WriteConflict
    if code in ("PreconditionFailed", "412"):
        return PreconditionFailed
    if code in NOT_FOUND:
        return NotFound
    # HTTP: 408 is the client's own slowness.
    return Unavailable if code in PASSING or status >= 500 or status == 408 else Misconfigured  # noqa: PLR2004
