"""What is true of the world, whatever anybody in it has seen: what is whole, what is done, what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidctl import events, layout
from vidctl.errors import Malformed
from vidctl.model import Upload
from vidctl.records import Manifest, Output

if TYPE_CHECKING:
    from tests.world.queue import Queued
    from tests.world.world import Simulation


def broken(world: Simulation, manifest: Manifest) -> str | None:
    """Say which output of a manifest is not there as it says; None if all are."""
    if not manifest.outputs:
        return "without outputs"
    for output in manifest.outputs:
        if output.is_folder:
            if not _is_whole_folder(world, output):
                return f"while {output.name} is not as told"
            continue
        stat = world.final.stat(output.key)
        if stat is None or (stat.size_bytes, stat.sha256) != (output.size_bytes, output.sha256):
            return f"while {output.name} is {stat}"
    return None


def _is_whole_folder(world: Simulation, output: Output) -> bool:
    """Whether a folder has the very objects that were told of, byte for byte, and no other."""
    folder = world.watch.ledger.folders.get(output.key)
    standing = {key: world.final.body(key) for key in world.final.keys(output.key)}
    return folder is not None and bool(standing) and (output, standing) == (folder.told, folder.objects)


def final(world: Simulation, upload: Upload) -> bool:
    """Whether nothing remains to be done for an upload."""
    ledger, key = world.watch.ledger, upload.key
    name = layout.job_id(upload.bucket, layout.raw_key(key), upload.etag)
    manifest, job = ledger.manifests.get(key), ledger.job(key, name)
    if key in ledger.cancelled or (manifest is not None and manifest.job == name) or job.given_up:
        return True
    stat = world.raw.stat(layout.raw_key(key))
    if stat is not None:
        return stat.etag != upload.etag
    kept = job.kept is not None and world.raw.stat(job.kept.source.key) is not None
    return not kept or manifest is not None


def asked_again(world: Simulation, upload: Upload, message: Queued) -> bool:
    """Whether another message of the queue asks for the same: it was renewed, split, or is one of a pair."""
    others = (m for m in world.raw_queue.messages if m.message_id != message.message_id)
    return any(upload in uploads_of(world, other.body) for other in others)


def uploads_of(world: Simulation, body: str) -> list[Upload]:
    """Return what a message asks for."""
    try:
        records = events.event_records(body)
        return [events.parse_upload(record, bucket=world.raw.bucket) for record in records]
    except Malformed:
        return []
