"""Look at one video: tasks and raw object before records and manifest, what is before what should be.

The order is what makes a pass safe beside another replica's: whoever finds no raw object reads the manifest after
it was deleted for that manifest's sake.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from vidctl import layout
from vidctl.errors import Malformed
from vidctl.folders import Entry, fold
from vidctl.journal import Journal, Published
from vidctl.model import Delivery, Source, Task, VideoKey
from vidctl.ports import ObjectStat, World
from vidctl.reconciler.glancing import Glancing
from vidctl.reconciler.holds import Holds
from vidctl.reconciler.launches import Launches
from vidctl.reconciler.observation import Observation, OutputSeen
from vidctl.reconciler.plan import claims
from vidctl.reconciler.policy import Policy
from vidctl.reconciler.tasks import TaskView
from vidctl.reconciler.wants import wants_glance, wants_tasks
from vidctl.records import Output, VideoRecords

LOOKS = 16
"""Outputs of a video that are looked at at once: a pass leaves most of the client's 100 connections to the others."""


class Observer:
    """Makes Observations, and remembers the last one of each video that is under way."""

    def __init__(
        self,
        world: World,
        *,
        journal: Journal,
        tasks: TaskView,
        holds: Holds,
        launches: Launches,
        glancing: Glancing,
        policy: Policy,
    ) -> None:
        self._raw = world.raw
        self._final = world.final
        self._clock = world.clock
        self._journal = journal
        self._tasks = tasks
        self._holds = holds
        self._launches = launches
        self._glancing = glancing
        self._policy = policy
        self._last: dict[VideoKey, Observation] = {}

    def recall(self, key: VideoKey) -> Observation | None:
        """Return the last Observation with today's tasks, messages and gate: good enough to decide to wait.

        None if there is none that is young enough, or a message came since: it says that something happened.
        """
        last, deliveries = self._last.get(key), self._holds.of(key)
        if last is None or self._clock() - last.read_at > self._policy.recall:
            return None
        if not {each.message_id for each in deliveries} <= {each.message_id for each in last.deliveries}:
            return None
        return self._with_what_is_known(last, tasks=self._tasks.of(key), deliveries=deliveries)

    def forget(self, key: VideoKey) -> None:
        """Drop the last Observation: something was changed, or the video is settled."""
        self._last.pop(key, None)

    async def observe(self, key: VideoKey) -> Observation:
        """Read everything anew; raises ``WorldError`` when something cannot be read."""
        began = self._clock()
        # Before the object: a message that comes later may speak of a later object.
        deliveries = self._holds.of(key)
        raw = await self._raw.head(layout.raw_key(key))
        records = await self._journal.records(key)
        await self._look_at_tasks(key, records)
        tasks = self._tasks.of(key)
        if _stopped_unheard(tasks, records):
            # Its Result, written before it stopped, may have come after the records were read.
            records = await self._journal.records(key)
        published, unreadable = await self._manifest(key)
        seen = Observation(
            key=key,
            read_at=began,
            tasks_read_at=began,
            raw_bucket=self._policy.raw_bucket,
            raw=None if raw is None else _source(raw),
            kept=await self._kept(key, records) if raw is None else (),
            records=replace(records, unreadable=records.unreadable + unreadable),
            manifest=None if published is None else published.manifest,
            manifest_etag=None if published is None else published.etag,
        )
        seen = self._with_what_is_known(seen, tasks=tasks, deliveries=deliveries)
        if records.cancel is not None:
            seen = replace(seen, leftovers=await self._leftovers(key))
        else:
            seen = replace(seen, outputs=await self._outputs(claims(seen)))
        # Last: of all that was read, this alone costs more than a call, and only who would begin needs it.
        source = wants_glance(seen, self._policy, self._clock())
        if source is not None:
            seen = replace(seen, glance=await self._glancing.at(source))
        self._last[key] = seen
        return seen

    def _with_what_is_known(
        self, seen: Observation, *, tasks: tuple[Task, ...], deliveries: tuple[Delivery, ...]
    ) -> Observation:
        return replace(
            seen,
            tasks=tasks,
            deliveries=deliveries,
            refusals=self._tasks.refusals(seen.key),
            gate=self._launches.gate(seen.key),
            others_succeeded_at=self._launches.others_succeeded_at(seen.key),
            tasks_read_at=min([seen.read_at, *(task.seen_at for task in tasks if task.alive)]),
        )

    async def _look_at_tasks(self, key: VideoKey, records: VideoRecords) -> None:
        known = self._tasks.of(key)
        half_fresh = self._clock() - self._policy.fresh / 2
        stale = tuple(task.arn for task in known if task.alive and task.seen_at < half_fresh)
        if stale:
            await self._tasks.describe(stale)
        with_live_task = {task.spec.job for task in known if task.alive and task.spec is not None}
        refused = {r.job for r in self._tasks.refusals(key) if records.job(r.job).outcome(r.number) is None}
        for job in records.jobs:
            wanted = job.job in refused or wants_tasks(job, self._policy, self._clock())
            if wanted and job.job not in with_live_task:
                await self._tasks.look(job.job)

    async def _manifest(self, key: VideoKey) -> tuple[Published | None, tuple[str, ...]]:
        try:
            return await self._journal.manifest(key), ()
        except Malformed:
            return None, (layout.manifest_key(key),)

    async def _kept(self, key: VideoKey, records: VideoRecords) -> tuple[Source, ...]:
        if records.cancel is not None:
            # All that stand: a copy whose maker died before it wrote Kept has to go as well.
            return tuple([_source(stat) async for stat in self._raw.list(layout.kept_prefix(key))])
        named = [job.kept.source for job in records.jobs if job.kept is not None]
        stats = await asyncio.gather(*(self._raw.head(source.key) for source in named))
        # Two replicas may have copied, each the same bytes: whichever copy stands is what is read.
        return tuple(
            replace(source, etag=stat.etag) for source, stat in zip(named, stats, strict=True) if stat is not None
        )

    async def _outputs(self, outputs: tuple[Output, ...]) -> tuple[OutputSeen, ...]:
        turns = asyncio.Semaphore(LOOKS)

        async def look(output: Output) -> OutputSeen | None:
            async with turns:
                return await (self._folder(output.key) if output.is_folder else self._file(output.key))

        seen = await asyncio.gather(*map(look, outputs))
        return tuple(output for output in seen if output is not None)

    async def _file(self, key: str) -> OutputSeen | None:
        stat = await self._final.head(key)
        if stat is None:
            return None
        return OutputSeen(key=key, size_bytes=stat.size_bytes, sha256=stat.sha256, etag=stat.etag)

    async def _folder(self, key: str) -> OutputSeen | None:
        stats = [stat async for stat in self._final.list(key)]
        if not stats:
            return None
        folded = fold(
            Entry(name=stat.key.removeprefix(key), size_bytes=stat.size_bytes, etag=stat.etag) for stat in stats
        )
        return OutputSeen(key=key, size_bytes=folded.size_bytes, sha256=folded.sha256)

    async def _leftovers(self, key: VideoKey) -> tuple[str, ...]:
        manifest = layout.manifest_key(key)
        return tuple([stat.key async for stat in self._final.list(layout.outputs_prefix(key)) if stat.key != manifest])


def _stopped_unheard(tasks: tuple[Task, ...], records: VideoRecords) -> bool:
    """Whether a task has stopped whose attempt has neither Result nor Outcome among the records."""
    stopped = {(task.spec.job, task.spec.number) for task in tasks if task.spec is not None and not task.alive}
    unheard = {
        (job.job, intent.number)
        for job in records.jobs
        for intent in job.open_intents
        if job.result(intent.number) is None
    }
    return not stopped.isdisjoint(unheard)


def _source(raw: ObjectStat) -> Source:
    return Source(
        key=raw.key,
        etag=raw.etag,
        size_bytes=raw.size_bytes,
        last_modified=raw.last_modified,
        upload_etag=raw.etag,
    )
