"""A pass over one key, whatever becomes of it: no failure of one ends the passes over the others."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from vidctl import logs
from vidctl.errors import VidctlError
from vidctl.metrics import Metrics
from vidctl.reconciler.launching import Stale

T = TypeVar("T")

log = logs.get(__name__)


class PassFailed(VidctlError):
    """A pass did not come to its end: counted and logged already, and to be made again later."""

    code = "pass_failed"


async def attempt(work: Awaitable[T], *, metrics: Metrics) -> T:
    """Make a pass and return what it returns. The caller binds to the log what the pass is about.

    Raises:
        PassFailed: it failed, as calls to the world do, or broke, which is a defect.
        Stale: what it had read became too old while it waited, which is no failure.

    """
    try:
        return await work
    except Stale:
        raise
    except VidctlError as error:
        metrics.reconcile_errors.labels(error.code).inc()
        log.info("pass_failed", code=error.code, error=str(error))
        raise PassFailed(str(error)) from error
    except Exception as error:
        # As broad as can be: a defect that one key meets must not end the loop that serves them all.
        metrics.reconcile_panics.inc()
        log.exception("pass_broke")
        raise PassFailed(str(error)) from error
