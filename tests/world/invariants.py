"""What must always hold (DESIGN section 5), checked at the moment of every change, in every story and every swarm.

A violation refuses the change and aborts the run: raised in a task of the reconciler it would be one more error to
retry, so ``violated`` also ends whoever waits for the run.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.world.ledger import Ledger
from tests.world.loop import clock
from tests.world.queue import Queued
from tests.world.seam import ACTOR, Role, Witness
from tests.world.telling import untrue
from tests.world.truth import asked_again, broken, final, uploads_of
from vidctl import layout, outbox_keys
from vidctl.dispatch import Event
from vidctl.model import AttemptNumber, FailureClass, Upload, VideoKey
from vidctl.records import Cancel, Dead, Intent, Kept, Manifest, Outcome, Record, Result

if TYPE_CHECKING:
    from tests.world.world import Simulation


class Violation(AssertionError):
    """Something happened that must never happen; ``key`` is the video concerned, if one is."""

    def __init__(self, what: str, key: VideoKey | None = None) -> None:
        super().__init__(what)
        self.key = key


class Watch(Witness):
    """Looks at the truth of the world before each change, and refuses the one that must not be."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self.ledger = Ledger()
        self.changes = 0
        """Changes that replicas made."""
        self.calls_of_tokens: Counter[str] = Counter()
        self._mine: defaultdict[str, set[str]] = defaultdict(set)
        self.violated: asyncio.Future[None] | None = None

    def must(self, holds: object, what: str, key: VideoKey | None = None) -> None:
        """Abort the run unless ``holds``; ``key`` is the video concerned."""
        if holds:
            return
        about = "" if key is None else f"{key}: "
        violation = Violation(f"{clock():%d %H:%M:%S} {ACTOR.get().name}: {about}{what}", key)
        if self.violated is None:
            self.violated = asyncio.get_running_loop().create_future()
        if not self.violated.done():
            self.violated.set_exception(violation)
            self.violated.exception()  # the run raises it; asyncio need not warn that nobody looked
        raise violation

    def check(self) -> None:
        """Raise the violation that was met, if one was."""
        if self.violated is not None and self.violated.done():
            raise self.violated.exception() or Violation("unknown")

    # --- objects --------------------------------------------------------------------------------------------------

    def writing(self, bucket: str, key: str, body: bytes) -> None:
        role = ACTOR.get().role
        if bucket == self._world.raw.bucket:
            self._writing_raw(role, key)
            return
        standing = self._world.final.stat(key) is not None
        before = self.ledger.manifests.get(video) if (video := layout.parse_video_folder(key)) else None
        record = self.ledger.write(key, body)
        if role is Role.REPLICA:
            self._changed()
            self._written_by_replica(record, key, standing=standing, before=before)
        elif role is Role.WORKER:
            own = record is None or isinstance(record, Result)
            self.must(own, f"a worker wrote {key}", video)
            self.must(not standing or record is None, f"{key} was written twice", video)

    def _writing_raw(self, role: Role, key: str) -> None:
        if role is Role.REPLICA:
            self._changed()
        self.must(role is not Role.WORKER, f"a worker wrote {key}")
        self.must(role is not Role.REPLICA or key.startswith(layout.KEPT_PREFIX), f"a replica wrote {key}")

    def _written_by_replica(
        self, record: Record | Manifest | None, key: str, *, standing: bool, before: Manifest | None
    ) -> None:
        match record:
            case Manifest():
                self._publishes(record, before)
            case None:
                self.must(key.startswith(TELLING), f"a replica wrote {key}")
            case Result() | Cancel():
                self.must(False, f"a replica wrote {key}")
            case _:
                self.must(not standing, f"{key} was written twice", record.key)
        match record:
            case Intent():
                self._begins(record)
            case Outcome():
                self._ends(record)
            case Dead():
                self._gives_up(record)
            case Kept():
                stat = self._world.raw.stat(record.source.key)
                self.must(stat is not None, "kept what is not there", record.key)

    def deleting(self, bucket: str, key: str) -> None:
        role = ACTOR.get().role
        if role is Role.REPLICA:
            self._changed()
        self.must(role is not Role.WORKER, f"a worker deleted {key}")
        if bucket == self._world.raw.bucket:
            self._deleting_raw(role, key)
            return
        if role is Role.REPLICA:
            self._deleting_final(key)
        self.ledger.delete(key)

    def _deleting_final(self, key: str) -> None:
        if key.startswith(outbox_keys.OUTBOX_PREFIX):
            return
        self.must(not key.startswith(layout.RECORDS_PREFIX), f"a replica deleted {key}")
        video = layout.parse_video_folder(key)
        assert video is not None
        if video in self.ledger.cancelled:
            return
        self.must(not key.endswith("/manifest.json"), f"{key} was deleted though nobody cancelled", video)
        manifest = self.ledger.manifests.get(video)
        named = () if manifest is None else manifest.outputs
        published = any(key == output.key or (output.is_folder and key.startswith(output.key)) for output in named)
        self.must(not published, f"published output {key} was deleted", video)
        name = layout.parse_attempt_key(key)
        assert name is not None
        job = self.ledger.job(video, name.job)
        self.must(name.number in job.outcomes, f"{key} of an open attempt was deleted", video)

    def _deleting_raw(self, role: Role, key: str) -> None:
        stat = self._world.raw.stat(key)
        assert stat is not None
        kept = key.startswith(layout.KEPT_PREFIX)
        video = layout.parse_video_folder(_folder(key))
        assert video is not None
        if video in self.ledger.cancelled or role is Role.USER or (role is Role.AWS and kept):
            return
        if role is Role.AWS:
            job = layout.job_id(self._world.raw.bucket, key, stat.etag)
            upload = Upload(bucket=self._world.raw.bucket, key=video, etag=stat.etag, size_bytes=stat.size_bytes)
            safe = self.ledger.job(video, job).kept is not None or final(self._world, upload)
            self.must(safe, f"the lifecycle ate {key}", video)
            return
        self.must(not kept, f"{key} was deleted though nobody cancelled", video)
        manifest = self.ledger.manifests.get(video)
        self.must(manifest is not None and manifest.source_etag == stat.etag, f"{key} was deleted unpublished", video)
        assert manifest is not None
        self.must(manifest.uploaded_at >= stat.last_modified, f"{key} is later than its publication says", video)
        self._whole(manifest, "deleted")

    def _publishes(self, manifest: Manifest, before: Manifest | None) -> None:
        self._whole(manifest, "published")
        job = self.ledger.job(manifest.key, manifest.job)
        result = job.results.get(manifest.number)
        self.must(result is not None and result.failure is None, "published without a success", manifest.key)
        if before is not None:
            again = (
                before.uploaded_at < manifest.uploaded_at
                and replace(before, uploaded_at=manifest.uploaded_at) == manifest
            )
            self.must(before.job != manifest.job or again, f"{manifest.job} was published twice", manifest.key)

    def intact(self, manifest: Manifest) -> None:
        """What was published is there."""
        self._whole(manifest, "found")

    def _whole(self, manifest: Manifest, what: str) -> None:
        """Every output that the manifest names is there as it says."""
        wrong = broken(self._world, manifest)
        self.must(wrong is None, f"{what} {wrong}", manifest.key)

    # --- attempts -------------------------------------------------------------------------------------------------

    def _begins(self, intent: Intent) -> None:
        job = self.ledger.job(intent.key, intent.job)
        others = job.open - {intent.number}
        self.must(not others, f"{intent.number} began while {sorted(others)} is open", intent.key)
        if intent.number.n > 1:
            before = AttemptNumber(intent.number.round, intent.number.n - 1)
            self.must(before in job.outcomes, f"{intent.number} began before {before} ended", intent.key)
        mine = self._mine[ACTOR.get().name]
        mine.add(layout.launch_token(intent.job, intent.number))
        mine &= self.ledger.open
        # An intent whose reply was lost may land when its slot is another's: a few too many, never without end.
        self.must(len(mine) <= 2 * self._world.limits.slots + 2, f"{len(mine)} attempts of one replica are open")

    def _ends(self, outcome: Outcome) -> None:
        job = self.ledger.job(outcome.key, outcome.job)
        self.must(outcome.number in job.intents, f"outcome {outcome.number} without its intent", outcome.key)
        if outcome.failure in (FailureClass.PERMANENT, FailureClass.APP):
            self.must(self._world.at_fault(outcome), f"blamed for {outcome.code}: {outcome.detail}", outcome.key)

    def _gives_up(self, dead: Dead) -> None:
        """Only its own input, or a truly spent budget, gives a video up."""
        job, policy = self.ledger.job(dead.key, dead.job), self._world.policy
        counted = [o for n, o in job.outcomes.items() if n.round == dead.round and o.failure is dead.failure]
        enough = {
            FailureClass.PERMANENT: len(counted) >= 1 or dead.code == "empty" or self._world.hopeless(dead),
            FailureClass.APP: len(counted) >= policy.app_attempts,
            FailureClass.INFRASTRUCTURE: len(counted) >= policy.infrastructure_attempts
            and clock() - min(o.at for o in counted) >= policy.infrastructure_patience - CLOCKS,
        }
        self.must(enough.get(dead.failure, False), f"dead of {dead.failure} after {len(counted)}", dead.key)
        self.must(self._world.doomed(dead), f"an innocent video died of {dead.code}: {dead.detail}", dead.key)

    def launching(self, token: str) -> None:
        self._changed()
        self.calls_of_tokens[token] += 1
        self.must(self.calls_of_tokens[token] == 1, f"a second task was started for {token}")
        known = token in self.ledger.tokens or ACTOR.get().role is not Role.REPLICA
        self.must(known, f"a task was started without intent {token}")

    def stopping(self, arn: str) -> None:
        self.changes += ACTOR.get().role is Role.REPLICA

    # --- messages -------------------------------------------------------------------------------------------------

    def sending(self, queue: str, body: str, attributes: dict[str, str]) -> None:
        if ACTOR.get().role is not Role.REPLICA:
            return
        self._changed()
        if queue == self._world.dead_letters.name and attributes.get("vidctl.class") != FailureClass.BAD_MESSAGE:
            job, round_ = attributes["vidctl.job"], int(attributes["vidctl.round"])
            known = self.ledger.jobs.get(job)
            self.must(known is not None and round_ in known.deads, f"a dead letter without a Dead: {attributes}")

    def telling(self, receiver: str, told: Event) -> None:
        self._changed()
        wrong = untrue(self._world, told)
        self.must(wrong is None, f"{receiver}: {wrong}")

    def acknowledging(self, queue: str, message: Queued) -> None:
        if ACTOR.get().role is not Role.REPLICA or queue != self._world.raw_queue.name:
            return
        self._changed()
        if any(m.body == message.body for m in self._world.dead_letters.messages):
            return  # refused, with its body kept
        for upload in uploads_of(self._world, message.body):
            done = final(self._world, upload) or asked_again(self._world, upload, message)
            self.must(done, f"the message of {upload.etag} was deleted too early", upload.key)

    def _changed(self) -> None:
        self.changes += 1


TELLING = (outbox_keys.OUTBOX_PREFIX, outbox_keys.UNDELIVERED_PREFIX)
CLOCKS = timedelta(minutes=15)
"""By how much the clocks of replicas may disagree, together."""


def _folder(key: str) -> str:
    """Return the folder of a raw object's video in the final bucket."""
    if key.startswith(layout.KEPT_PREFIX):
        return f"videos/{key.removeprefix(layout.KEPT_PREFIX)}"
    return key.removesuffix(".mp4") + "/"
