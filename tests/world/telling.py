"""What must always hold of telling: nothing is told that is not so, and what is lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidctl import outbox_keys
from vidctl.dispatch import Event, event
from vidctl.model import Kind, VideoKey
from vidctl.records import Notice

if TYPE_CHECKING:
    from tests.world.ledger import Ledger
    from tests.world.world import Simulation


def untrue(world: Simulation, told: Event) -> str | None:
    """Say what is wrong about telling this event now; None if it is true, and word for word what was noted."""
    ledger = world.watch.ledger
    notice = noted(ledger, told)
    if notice is None:
        return f"{told.id} was never noted"
    if event(notice) != told:
        return f"{told.id} is told otherwise than noted"
    match notice.about:
        case Kind.PUBLISHED:
            true = (notice.key, notice.job, notice.fact_at) in ledger.publications
        case Kind.FAILED:
            job = ledger.job(notice.key, notice.job or "")
            true = any(dead.at == notice.fact_at for dead in job.deads.values()) or notice.code == "source_gone"
        case Kind.DELETED:
            true = notice.key in ledger.cancelled and notice.key not in ledger.manifests
    return None if true else f"{notice.about} was told, and is not so"


def noted(ledger: Ledger, told: Event) -> Notice | None:
    """Return the notice of an event."""
    every = (notice for notices in ledger.notices.values() for notice in notices.values())
    return next((n for n in every if outbox_keys.event_id(n.key, n.n, n.at) == told.id), None)


def untold(world: Simulation, key: VideoKey, job: str) -> list[str]:
    """Say who was not told of the state in which a video has ended; ``job`` is that of its last upload."""
    ledger = world.watch.ledger
    if not world.policy.telling.receivers:
        return []
    manifest, deads = ledger.manifests.get(key), ledger.job(key, job).deads
    fact: tuple[Kind, str | None, object] | None = None
    if key in ledger.cancelled:
        fact = (Kind.DELETED, None, ledger.cancelled[key])
    elif manifest is not None and manifest.job == job:
        fact = (Kind.PUBLISHED, job, manifest.published_at)
    elif deads:
        fact = (Kind.FAILED, job, deads[max(deads)].at)
    if fact is None:
        return []
    found = [n for n in ledger.notices[key].values() if (n.about, n.job, n.fact_at) == fact]
    if not found:
        return [f"{key}: {fact[0]} was not noted"]
    told = event(found[0]).id
    return [f"{key}: {r.name} was not told" for r in world.receivers.values() if told not in {e.id for e in r.told}]
