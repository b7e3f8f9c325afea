"""What is found once the trouble is over: every video with all that is known of it, and what is left of the work."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vidctl.model import AttemptNumber
from vidctl.ports import QueueDepth
from vidctl.records import Manifest, VideoRecords


@dataclass(slots=True, kw_only=True)
class Sent:
    """An upload as its customer knows it.

    ``told`` is the first final state that the API told of it; ``began`` and ``ended`` are the event loop's times of the
    first request and of that answer.
    """

    video_id: str
    clip: str
    size_bytes: int
    told: str | None = None
    began: float = 0.0
    ended: float = math.inf

    def met(self, moment: float) -> bool:
        """Whether it was on its way at that time."""
        return self.began <= moment <= self.ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object whose bytes were read: its size and their SHA-256, in hex."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One uploaded video.

    ``tasks`` has the job and attempt of each task that was ever started; ``killed`` the attempts whose worker was hit;
    ``kept`` the sizes of the copies of its raw object; ``letters`` the reasons of its dead letters; ``announced`` how
    often a replica's log says that it published it.
    """

    sent: Sent
    records: VideoRecords
    manifest: Manifest | None = None
    stored: dict[str, Stored]
    raw: bool = False
    kept: tuple[int, ...] = ()
    tasks: tuple[tuple[str, AttemptNumber], ...] = ()
    killed: frozenset[AttemptNumber] = frozenset()
    letters: tuple[str, ...] = ()
    announced: int = 0

    @property
    def dead(self) -> bool:
        """Whether it was given up."""
        return any(job.deads for job in self.records.jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All of it. ``strays`` are objects, tasks and letters that belong to no upload; ``held`` messages by replica."""

    cases: tuple[Case, ...]
    strays: tuple[str, ...] = ()
    queues: dict[str, QueueDepth]
    held: dict[str, float]
    running: tuple[str, ...] = ()
