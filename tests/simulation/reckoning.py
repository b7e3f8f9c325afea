"""What came of a run: the fate of every video, and what is not settled (uploaded = published + dead + cancelled)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.world.telling import untold
from vidctl import layout
from vidctl.model import VideoKey
from vidctl.outbox_keys import OUTBOX_PREFIX

if TYPE_CHECKING:
    from tests.simulation.swarm import Swarm


def fates(world: Swarm) -> dict[VideoKey, str]:
    """Return what became of the last upload of every video."""
    return {key: fate(world, key) for key in world.bodies if key not in world.removed}


def fate(world: Swarm, key: VideoKey) -> str:
    """Return what became of a video's last upload, by the records."""
    ledger, name = world.watch.ledger, world.latest[key]
    if key in ledger.cancelled:
        return "cancelled"
    manifest, job = ledger.manifests.get(key), ledger.job(key, name)
    if manifest is not None and manifest.job == name:
        return "published"
    return f"dead of {job.deads[max(job.deads)].failure}" if job.given_up else "pending"


def unsettled(world: Swarm) -> list[str]:
    """Say what is not settled: no message, task or open attempt may be left, and every object must be where it ends."""
    left = [f"message {m.message_id} {m.body}" for m in world.raw_queue.messages]
    left += [f"task {token} runs" for token in sorted(world.workload.running)]
    left += [f"attempt {token} is open" for token in sorted(world.watch.ledger.open)]
    left += [f"{key}: {why}" for key in world.bodies if (why := _misplaced(world, key))]
    left += [f"dispatch {key}" for key in world.final.keys(OUTBOX_PREFIX)]
    left += [why for key in world.bodies if key not in world.removed for why in untold(world, key, world.latest[key])]
    return left


def _misplaced(world: Swarm, key: VideoKey) -> str | None:
    """Say what is where it should not be, or not where it should, by a video's fate."""
    standing = world.raw.stat(layout.raw_key(key))
    match fate(world, key):
        case "cancelled":
            left = (*world.final.keys(layout.outputs_prefix(key)), *world.raw.keys(layout.kept_prefix(key)))
            return f"cancelled, but {standing} {left}" if standing or left else None
        case "published":
            return f"published, but {standing}" if standing else None
        case "pending":
            excused = key in world.removed and not standing
            return None if excused else f"neither published nor dead: {standing}"
    kept = world.watch.ledger.job(key, world.latest[key]).kept
    safe = kept is not None and world.raw.stat(kept.source.key) is not None
    return None if safe or key in world.removed else "dead, and its raw object not kept"
