"""What a pass may do, and the Plan that it decides on: a closed union, frozen and printable.

``act`` and ``launching`` carry the actions out. Every one of them may be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from vidctl.model import Delivery, Source
from vidctl.reconciler.rules import Rule
from vidctl.records import Dead, Intent, Manifest, Notice, Outcome, Round


@dataclass(frozen=True, slots=True)
class Raise:
    """Count and log a situation that should not be; ``reason`` is one word."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class CreateIntent:
    """Open an attempt."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class RunTask:
    """Start the task of an open attempt, or find it: the token makes both the same call."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class StopTasks:
    """Ask tasks to stop."""

    arns: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """Close an attempt."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Publish:
    """Write the manifest, in place of the one with the ETag ``replacing``."""

    manifest: Manifest
    replacing: str | None


@dataclass(frozen=True, slots=True)
class Redate:
    """Say that a publication is of a later upload of the same file, in place of what has the ETag ``replacing``."""

    manifest: Manifest
    replacing: str | None


@dataclass(frozen=True, slots=True)
class DeleteRaw:
    """Delete the upload, if it still is this one. ``published``: because its outputs are."""

    source: Source
    published: bool


@dataclass(frozen=True, slots=True)
class KeepRaw:
    """Copy the upload out of the reach of its lifecycle rule."""

    job: str
    source: Source


@dataclass(frozen=True, slots=True)
class DeclareDead:
    """Give a round up."""

    dead: Dead


@dataclass(frozen=True, slots=True)
class SendDeadLetter:
    """Tell the dead-letter queue, with the body of a message that asked for the job, if there is one."""

    dead: Dead
    body: str | None


@dataclass(frozen=True, slots=True)
class OpenRound:
    """Begin again, because a dead letter was sent back."""

    round: Round


@dataclass(frozen=True, slots=True)
class RemoveManifest:
    """Take a publication back, if it still is this one."""

    etag: str


@dataclass(frozen=True, slots=True)
class RemoveOutputs:
    """Remove objects of the final bucket."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveKept:
    """Remove the copies."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class CreateNotice:
    """Note that everybody is to be told of a final state."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class PostNotice:
    """Put a notice into the outbox of every receiver, and note that it lies there."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class DeleteDeliveries:
    """Delete messages: the last step of all."""

    deliveries: tuple[Delivery, ...]


Action = (
    Raise
    | CreateIntent
    | RunTask
    | StopTasks
    | RecordOutcome
    | Publish
    | Redate
    | DeleteRaw
    | KeepRaw
    | DeclareDead
    | SendDeadLetter
    | OpenRound
    | RemoveManifest
    | RemoveOutputs
    | RemoveKept
    | CreateNotice
    | PostNotice
    | DeleteDeliveries
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a pass decides. ``requeue_after`` None: nothing until something happens.

    ``rule`` is the one that decided; ``why`` is for people. ``wants_slot``: the video waits for a slot and nothing
    else.
    """

    actions: tuple[Action, ...] = ()
    requeue_after: timedelta | None = None
    rule: Rule
    why: str
    wants_slot: bool = False

    @property
    def acts(self) -> bool:
        """Whether anything is to be changed (an alarm changes nothing)."""
        return any(not isinstance(action, Raise) for action in self.actions)
