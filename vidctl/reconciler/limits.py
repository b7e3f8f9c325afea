"""How hard one replica works. ``compose`` fills the Limits from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from vidctl.reconciler.holds import HoldPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard one replica works; the defaults are those of ``settings``."""

    slots: int = 100
    slots_per_user: int | None = None
    waiting_room: int = 100
    passes: int = 16
    launches_per_second: float = 5.0
    describes_per_second: float = 5.0
    receivers: int = 2
    depth: timedelta = timedelta(seconds=15)
    receive_wait: timedelta = timedelta(seconds=10)
    holds: HoldPolicy = field(default_factory=HoldPolicy)
    sweep: timedelta = timedelta(minutes=5)
    sweep_grace: timedelta = timedelta(minutes=2)
    outbox_sweep: timedelta = timedelta(seconds=60)
    clean: timedelta = timedelta(hours=24)
    clean_after: timedelta = timedelta(hours=24)
    shutdown: timedelta = timedelta(seconds=25)
