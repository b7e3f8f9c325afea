from __future__ import annotations

import errno

import pytest

from vidctl.errors import (
    AccessDenied,
    Misconfigured,
    NotFound,
    PreconditionFailed,
    Throttled,
    Unavailable,
    WorldError,
    WriteConflict,
)
from vidctl.model import FailureClass
from vidctl.worker.encode import blame
from vidctl.worker.failure import Failure, meaning
from vidctl.worker.ffmpeg.program import Ended


@pytest.mark.parametrize(
    ("failure", "code", "exit_code"),
    [
        (FailureClass.PERMANENT, "corrupt", 65),
        (FailureClass.APP, "verify_failed", 70),
        (FailureClass.APP, "disk_full", 75),
        (FailureClass.INFRASTRUCTURE, "interrupted", 75),
        (FailureClass.THROTTLE, "throttled", 75),
        (FailureClass.CONFIGURATION, "ffmpeg_missing", 78),
    ],
)
def test_the_exit_code_follows_the_class(failure: FailureClass, code: str, exit_code: int) -> None:
    assert Failure(failure=failure, code=code, detail="").exit_code == exit_code


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Unavailable("x"), FailureClass.INFRASTRUCTURE),
        (WriteConflict("x"), FailureClass.INFRASTRUCTURE),
        (NotFound("x"), FailureClass.INFRASTRUCTURE),
        (PreconditionFailed("x"), FailureClass.INFRASTRUCTURE),
        (Throttled("x"), FailureClass.THROTTLE),
        (AccessDenied("x"), FailureClass.CONFIGURATION),
        (Misconfigured("x"), FailureClass.CONFIGURATION),
    ],
)
def test_a_store_that_refuses_never_blames_the_input(error: WorldError, failure: FailureClass) -> None:
    meant = meaning(error)

    assert meant is not None
    assert (meant.failure.failure, meant.failure.code) == (failure, error.code)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_known(number: int) -> None:
    meant = meaning(OSError(number, "full"))

    assert meant is not None
    assert (meant.failure.failure, meant.failure.code) == (FailureClass.APP, "disk_full")


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), TimeoutError(), PermissionError(errno.EACCES, "no")])
def test_another_fault_of_the_machine_is_not_explained_away(error: OSError) -> None:
    assert meaning(error) is None


@pytest.mark.parametrize(
    ("exit_code", "stderr", "failure", "code"),
    [
        (-9, "", FailureClass.APP, "out_of_memory"),
        (-11, "", FailureClass.APP, "ffmpeg_crashed"),
        (-11, "  what():  std::bad_alloc", FailureClass.APP, "out_of_memory"),
        (187, "x264 [error]: malloc of size 6266880 failed", FailureClass.APP, "out_of_memory"),
        (244, "Error opening output files: Out of memory", FailureClass.APP, "out_of_memory"),
        (244, "Conversion failed: Cannot allocate memory", FailureClass.APP, "out_of_memory"),
        (-24, "", FailureClass.APP, "deadline"),
        (-25, "", FailureClass.PERMANENT, "over_limits"),
        (228, "Error writing trailer: No space left on device", FailureClass.APP, "disk_full"),
        (69, "Decode error rate 1 exceeds maximum 0.1", FailureClass.PERMANENT, "corrupt"),
        (
            69,
            "Your platform doesn't support hardware accelerated AV1 decoding.",
            FailureClass.PERMANENT,
            "unsupported_codec",
        ),
        (
            1,
            "Decoder (codec ac4) not found for input stream #0:1",
            FailureClass.PERMANENT,
            "unsupported_codec",
        ),
        (1, "Conversion failed!", FailureClass.APP, "ffmpeg_failed"),
    ],
)
def test_how_ffmpeg_ended_says_whose_fault_it_is(exit_code: int, stderr: str, failure: FailureClass, code: str) -> None:
    blamed = blame(Ended(exit_code=exit_code, stderr_tail=stderr)).failure

    assert (blamed.failure, blamed.code, blamed.stderr_tail) == (failure, code, stderr)
