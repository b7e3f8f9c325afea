"""What must always hold (DESIGN section 5), checked at the moment of every change that a replica makes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tests.world.loop import clock
from tests.world.queue import Queued
from vidctl import codec, events, layout
from vidctl.model import AttemptNumber, Upload, VideoKey
from vidctl.records import Cancel, Dead, DeadLetterSent, Intent, Kept, Manifest, Outcome, Record, Result

if TYPE_CHECKING:
    from tests.world.world import Simulation


class Violation(AssertionError):
    """Something happened that must never happen."""


class Watch:
    """Looks at the truth of the world before each change, and refuses the one that must not be."""

    def __init__(self, world: Simulation, *, slots: int, infrastructure_only: bool) -> None:
        self._world = world
        self._slots = slots
        self._infrastructure_only = infrastructure_only
        self.changes = 0
        self.log: list[str] = []
        self._decoded: dict[str, Record] = {}
        self.violated: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def must(self, holds: object, what: str) -> None:
        """Abort the run unless ``holds``."""
        if holds:
            return
        violation = Violation(f"{clock():%d %H:%M:%S} {what}")
        if not self.violated.done():
            self.violated.set_exception(violation)
        raise violation

    def note(self, what: str) -> None:
        """Count and remember a change."""
        self.changes += 1
        self.log.append(f"{clock():%d %H:%M:%S.%f} {what}")

    # --- objects --------------------------------------------------------------------------------------------------

    def writing(self, bucket: str, key: str, body: bytes, *, mine: set[str]) -> None:
        """A replica writes an object."""
        self.note(f"write {bucket} {key}")
        if bucket == self._world.raw.bucket:
            self.must(key.startswith(layout.KEPT_PREFIX), f"a replica wrote {key}")
            return
        name = layout.parse_record_key(key)
        if name is None:
            self.must(key.endswith("/manifest.json"), f"a replica wrote {key}")
            self._whole(codec.decode(Manifest, body), "published")
            return
        self.must(self._world.final.stat(key) is None, f"{key} was written twice")
        match codec.decode_record(name, body):
            case Intent() as intent:
                self._begins(intent, mine)
            case Outcome() as outcome:
                known = [i.number for i in self.of(outcome.key, Intent) if i.job == outcome.job]
                self.must(outcome.number in known, f"{key} without its intent")
            case Result() | Cancel() as record:
                self.must(False, f"a replica wrote {record}")
            case Dead() as dead:
                self.must(not self._infrastructure_only, f"an innocent video died: {dead}")

    def deleting(self, bucket: str, key: str) -> None:
        """A replica deletes an object."""
        self.note(f"delete {bucket} {key}")
        self.must(not key.startswith(layout.RECORDS_PREFIX), f"a replica deleted {key}")
        if bucket == self._world.raw.bucket:
            self._deleting_raw(key)
            return
        video = layout.parse_video_folder(key)
        assert video is not None
        if self.of(video, Cancel):
            return
        self.must(not key.endswith("/manifest.json"), f"{key} was deleted though nobody cancelled")
        manifest = self.manifest(video)
        named = () if manifest is None else manifest.outputs
        self.must(key not in {output.key for output in named}, f"published output {key} was deleted")
        name = layout.parse_attempt_key(key)
        assert name is not None
        ended = any((o.job, o.number) == (name.job, name.number) for o in self.of(video, Outcome))
        self.must(ended, f"{key} of an open attempt was deleted")

    def _deleting_raw(self, key: str) -> None:
        stat = self._world.raw.stat(key)
        assert stat is not None
        kept = key.startswith(layout.KEPT_PREFIX)
        folder = "videos/" + key.removeprefix("kept/") if kept else key.removesuffix(".mp4") + "/"
        video = layout.parse_video_folder(folder)
        assert video is not None
        if self.of(video, Cancel):
            return
        self.must(not kept, f"{key} was deleted though nobody cancelled")
        manifest = self.manifest(video)
        self.must(manifest is not None and manifest.source_etag == stat.etag, f"{key} was deleted unpublished")
        assert manifest is not None
        self._whole(manifest, "deleted")

    def _whole(self, manifest: Manifest, what: str) -> None:
        """Every output that the manifest names is there as it says."""
        self.must(manifest.outputs, f"{manifest.key} was {what} without outputs")
        for output in manifest.outputs:
            stat = self._world.final.stat(output.key)
            there = stat is not None and (stat.size_bytes, stat.sha256) == (output.size_bytes, output.sha256)
            self.must(there, f"{manifest.key} was {what} while {output.name} is {stat}")

    def _begins(self, intent: Intent, mine: set[str]) -> None:
        own = [i.number for i in self.of(intent.key, Intent) if i.job == intent.job]
        closed = {o.number for o in self.of(intent.key, Outcome) if o.job == intent.job}
        self.must(set(own) <= closed, f"{intent.key} {intent.number} began while {set(own) - closed} is open")
        if intent.number.n > 1:
            before = AttemptNumber(intent.number.round, intent.number.n - 1)
            self.must(before in closed, f"{intent.key} {intent.number} began before {before}")
        ended = {layout.launch_token(o.job, o.number) for o in self.all(Outcome)}
        mine.add(layout.launch_token(intent.job, intent.number))
        # An intent whose reply was lost may land when its slot is another's: a few too many, never without end.
        self.must(len(mine - ended) <= 2 * self._slots, f"{len(mine - ended)} attempts of one replica are open")

    # --- tasks ----------------------------------------------------------------------------------------------------

    def starting(self, token: str, launched: list[str]) -> None:
        """A replica starts a task."""
        self.note(f"start {token}")
        self.must(token not in launched, f"a second task was started for {token}")
        tokens = {layout.launch_token(i.job, i.number) for i in self.all(Intent)}
        self.must(token in tokens, f"a task was started without intent {token}")

    # --- messages -------------------------------------------------------------------------------------------------

    def sending(self, queue: str, body: str, attributes: dict[str, str]) -> None:
        """A replica sends a message."""
        self.note(f"send {queue} {attributes.get('vidctl.code', '')} {body[:40]}")
        if queue == "dead":
            innocent = self._infrastructure_only and attributes.get("vidctl.class") != "bad_message"
            self.must(not innocent, f"an innocent video was dead-lettered: {attributes}")

    def acknowledging(self, queue: str, message: Queued) -> None:
        """A replica deletes a message."""
        self.note(f"acknowledge {queue} {message.message_id}")
        if queue != "raw":
            return
        again = [m for m in self._world.raw_queue.messages if m.body == message.body]
        if len(again) > 1 or any(m.body == message.body for m in self._world.dead_letters.messages):
            return  # renewed, or refused with its body kept
        (record,) = json.loads(message.body)["Records"]
        upload = events.parse_upload(record, bucket=self._world.raw.bucket)
        self.must(self.final(upload), f"the message of {upload.key} {upload.etag} was deleted too early")

    # --- the truth ------------------------------------------------------------------------------------------------

    def final(self, upload: Upload) -> bool:
        """Whether nothing remains to be done for an upload."""
        key, job = upload.key, layout.job_id(upload.bucket, layout.raw_key(upload.key), upload.etag)
        manifest = self.manifest(key)
        if self.of(key, Cancel) or (manifest is not None and manifest.job == job):
            return True
        if any(sent.job == job for sent in self.of(key, DeadLetterSent)):
            return True
        stat = self._world.raw.stat(layout.raw_key(key))
        if stat is not None:
            return stat.etag != upload.etag
        kept = any(k.job == job and self._world.raw.stat(k.source.key) for k in self.of(key, Kept))
        return not kept or manifest is not None

    def manifest(self, key: VideoKey) -> Manifest | None:
        """Return the publication of a video as it stands."""
        body = self._world.final.body(layout.manifest_key(key))
        return None if body is None else codec.decode(Manifest, body)

    def of(self, key: VideoKey, *kinds: type) -> list[Any]:
        """Return the records of these kinds of a video."""
        return self._records(layout.records_prefix(key), kinds)

    def all(self, *kinds: type) -> list[Any]:
        """Return the records of these kinds of all videos."""
        return self._records(layout.RECORDS_PREFIX, kinds)

    def _records(self, prefix: str, kinds: tuple[type, ...]) -> list[Any]:
        found = []
        for text in self._world.final.keys(prefix):
            if text not in self._decoded:
                name, body = layout.parse_record_key(text), self._world.final.body(text)
                assert name is not None
                assert body is not None
                self._decoded[text] = codec.decode_record(name, body)
            if isinstance(self._decoded[text], kinds):
                found.append(self._decoded[text])
        return found
