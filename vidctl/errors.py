"""What can go wrong, by meaning and never by vendor.

Every error carries a stable ``code``: one word that is the metric label, the log field, the reason in a record and the
problem type of the HTTP API.
"""

from __future__ import annotations

from typing import ClassVar, Literal

NotToldReason = Literal["refused", "redirected", "timeout", "unreachable", "forbidden_address", "throttled"]
"""Why a receiver may not have an event."""


class VidctlError(Exception):
    """Root of every error that vidctl raises on purpose."""

    code: ClassVar[str] = "internal"


# --- what a call to the world can answer -------------------------------------------------------------------------


class WorldError(VidctlError):
    """A call to S3, SQS or ECS did not do what was asked."""


class Throttled(WorldError):
    """The service asks for fewer calls; the call had no effect."""

    code = "throttled"


class Unavailable(WorldError):
    """No usable reply: the call may or may not have taken effect, so look again and never assume."""

    code = "unavailable"


class AccessDenied(WorldError):
    """The role may not make this call (or, for a read without ListBucket, the object may be absent)."""

    code = "access_denied"


class NotFound(WorldError):
    """The thing named in the call does not exist."""

    code = "not_found"


class PreconditionFailed(WorldError):
    """Another writer was first (412): read again now."""

    code = "precondition_failed"


class WriteConflict(WorldError):
    """Two conditional writes met (409): neither is known to have won, try again."""

    code = "write_conflict"


class Misconfigured(WorldError):
    """The call can never succeed as configured: unknown cluster, inactive task definition, refused parameter."""

    code = "misconfigured"


class CapacityUnavailable(WorldError):
    """There is no room for a task now: a quota or the placement refused it."""

    code = "capacity_unavailable"


class LaunchConflict(WorldError):
    """The launch token was used with other parameters; ``task_arns`` are the tasks that it started."""

    code = "launch_conflict"

    def __init__(self, message: str, *, task_arns: tuple[str, ...]) -> None:
        """Keep the ARNs, so that the caller can adopt the tasks."""
        super().__init__(message)
        self.task_arns = task_arns


# --- what a receiver of notices can answer ------------------------------------------------------------------------


class NotTold(VidctlError):
    """A receiver may not have the event: tell it again. ``reason`` is one word for people who count."""

    code = "not_told"

    def __init__(self, message: str, *, reason: NotToldReason) -> None:
        """Keep the word."""
        super().__init__(message)
        self.reason: NotToldReason = reason


class NotWanted(VidctlError):
    """A receiver says that it is gone for good (HTTP 410)."""

    code = "not_wanted"


# --- what text from outside can be -------------------------------------------------------------------------------


class Malformed(VidctlError):
    """Text from outside does not say what its place requires; the message names the field."""

    code = "malformed"


class UnknownVersion(Malformed):
    """A record was written by a version of vidctl that this one does not know: wait, never guess."""

    code = "unknown_version"


class InvalidSettings(VidctlError):
    """The environment does not make a working configuration; the message names every variable and its fix."""

    code = "invalid_settings"


class PortInUse(VidctlError):
    """Somebody else listens on the port that a server is to listen on; the message names it and the setting."""

    code = "port_in_use"
