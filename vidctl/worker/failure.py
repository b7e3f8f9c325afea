"""Why an attempt ends without outputs: class, one word, and a sentence for a person; and the exit codes that say so.

Exit codes follow sysexits(3), which the reconciler falls back on where no Result came:

==  =============================================================================================================
0   success
65  permanent: the input itself is refused
70  app: ffmpeg failed, crashed, was killed, hung or took too long, or its output did not hold up
75  temporary: the store, the source, the disk, an interruption, or an attempt that is no longer wanted
78  configuration: access denied, no ffmpeg that runs, no directory to work in
==  =============================================================================================================
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from vidctl.errors import AccessDenied, Misconfigured, Throttled, VidctlError, WorldError
from vidctl.model import FailureClass

EXIT_OK = 0
EXIT_PERMANENT = 65
EXIT_APP = 70
EXIT_TEMPORARY = 75
EXIT_CONFIGURATION = 78

DISK_FULL = "disk_full"

_EXIT_CODES = {
    FailureClass.PERMANENT: EXIT_PERMANENT,
    FailureClass.APP: EXIT_APP,
    FailureClass.CONFIGURATION: EXIT_CONFIGURATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a Result says of a failure. ``stderr_tail`` is the end of what the failed program wrote."""

    failure: FailureClass
    code: str
    detail: str
    stderr_tail: str = ""

    @property
    def exit_code(self) -> int:
        """The worker's exit code for this failure."""
        # The app is at fault that it needs so much, yet the same attempt succeeds on a larger disk.
        return EXIT_TEMPORARY if self.code == DISK_FULL else _EXIT_CODES.get(self.failure, EXIT_TEMPORARY)


class Failed(VidctlError):
    """The attempt failed in a way that is understood."""

    code = "attempt_failed"

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.code}: {failure.detail}")
        self.failure = failure


def refused(code: str, detail: str, *, stderr_tail: str = "") -> Failed:
    """Return the error for an input that no attempt can publish."""
    return Failed(Failure(failure=FailureClass.PERMANENT, code=code, detail=detail, stderr_tail=stderr_tail))


def failed(code: str, detail: str, *, stderr_tail: str = "") -> Failed:
    """Return the error for a fault of the app, which another attempt may not meet."""
    return Failed(Failure(failure=FailureClass.APP, code=code, detail=detail, stderr_tail=stderr_tail))


def temporary(code: str, detail: str) -> Failed:
    """Return the error for a fault of the infrastructure, which says nothing about the input."""
    return Failed(Failure(failure=FailureClass.INFRASTRUCTURE, code=code, detail=detail))


def misconfigured(code: str, detail: str) -> Failed:
    """Return the error for a fault that every video would meet."""
    return Failed(Failure(failure=FailureClass.CONFIGURATION, code=code, detail=detail))


def meaning(error: WorldError | OSError) -> Failed | None:
    """Return what a refused call to the store or the disk means for the attempt; None if that is not understood."""
    match error:
        case AccessDenied() | Misconfigured():
            return misconfigured(error.code, f"the store refuses the worker: {error}")
        case Throttled():
            return Failed(Failure(failure=FailureClass.THROTTLE, code=error.code, detail=str(error)))
        case WorldError():
            return temporary(error.code, f"the store did not do what was asked: {error}")
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return failed(DISK_FULL, f"the disk is full: {error}")
        case _:
            return None
