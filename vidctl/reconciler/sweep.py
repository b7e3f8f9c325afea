"""The sweeps: find what no event told of, and remove what nobody needs. Every replica sweeps; doubles are harmless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vidctl import layout, logs
from vidctl.errors import Malformed
from vidctl.journal import Journal
from vidctl.layout import AttemptName
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.ports import ObjectStat, World
from vidctl.reconciler.tasks import TaskView
from vidctl.records import Manifest, VideoRecords

log = logs.get(__name__)


class Sweep:
    """The sweeps of one replica."""

    def __init__(
        self,
        world: World,
        *,
        journal: Journal,
        view: TaskView,
        known: Callable[[VideoKey], bool],
        add: Callable[[VideoKey], None],
        grace: timedelta,
        clean_after: timedelta,
        metrics: Metrics,
    ) -> None:
        self._world = world
        self._journal = journal
        self._view = view
        self._known = known
        self._add = add
        self._grace = grace
        self._clean_after = clean_after
        self._metrics = metrics
        self._stopped: frozenset[str] = frozenset()

    async def raw(self) -> None:
        """Put the videos of raw objects that this replica does not work on onto the workqueue."""
        before = self._world.clock() - self._grace
        async for stat in self._world.raw.list(layout.RAW_PREFIX):
            if stat.last_modified > before:
                continue
            try:
                key = layout.parse_raw_key(stat.key)
            except Malformed:
                self._metrics.alarms.labels("foreign_raw_object").inc()
                log.warning("foreign_raw_object", key=stat.key)
                continue
            if not self._known(key):
                self._add(key)
        self._succeeded("raw")

    async def tasks(self) -> None:
        """Learn of the worker family's tasks, and put the videos of those not seen before onto the workqueue.

        A task that stopped while nobody looked is found here, for the hour that ECS remembers it.
        """
        stopped = frozenset(await self._world.tasks.family(stopped=True))
        live = await self._world.tasks.family(stopped=False)
        unknown = [arn for arn in (*live, *sorted(stopped - self._stopped)) if self._unseen(arn, stopped)]
        await self._view.describe(tuple(unknown))
        for arn in unknown:
            task = self._view.knows(arn)
            if task is not None and task.spec is not None:
                self._add(task.spec.key)
        self._stopped = stopped
        self._succeeded("tasks")

    async def daily(self) -> None:
        """Remove the outputs of failed attempts; look again at what was begun or cancelled, and forgotten."""
        video: _Folder | None = None
        async for stat in self._world.final.list(layout.OUTPUTS_PREFIX):
            key = layout.parse_video_folder(stat.key)
            if video is not None and video.key != key:
                await self._clean(video)
                video = None
            if key is not None:
                video = video or _Folder(key)
                video.add(stat)
        if video is not None:
            await self._clean(video)
        await self._open_records()
        self._succeeded("daily")

    async def _open_records(self) -> None:
        last: VideoKey | None = None
        async for stat in self._world.final.list(layout.RECORDS_PREFIX):
            key = layout.parse_video_folder(stat.key)
            if key is not None and key != last and not self._known(key):
                last = key
                records = await self._journal.records(key)
                if records.cancel is not None or any(job.open_intents for job in records.jobs):
                    self._add(key)

    async def _clean(self, video: _Folder) -> None:
        if not video.attempts:
            return
        try:
            published = await self._journal.manifest(video.key)
        except Malformed:
            return
        manifest = None if published is None else published.manifest
        records = await self._journal.records(video.key)
        before = self._world.clock() - self._clean_after
        for name, stats in video.attempts.items():
            if abandoned(
                name,
                newest=max(stat.last_modified for stat in stats),
                records=records,
                manifest=manifest,
                before=before,
            ):
                for stat in stats:
                    await self._world.final.delete(stat.key)
                self._metrics.swept.inc(len(stats))
                log.info("outputs_swept", video_id=name.key.video_id, attempt=str(name.number), objects=len(stats))

    def _unseen(self, arn: str, stopped: frozenset[str]) -> bool:
        known = self._view.knows(arn)
        return known is None or (arn in stopped and known.alive)

    def _succeeded(self, sweep: str) -> None:
        self._metrics.sweep_success.labels(sweep).set(self._world.clock().timestamp())


def abandoned(
    name: AttemptName, *, newest: datetime, records: VideoRecords, manifest: Manifest | None, before: datetime
) -> bool:
    """Whether the outputs of an attempt may be removed: no manifest names them, it has ended, and long ago.

    Records expire 60 days after they were written (lifecycle): an attempt without any is older still.
    """
    if newest > before:
        return False
    if manifest is not None and (manifest.job, manifest.number) == (name.job, name.number):
        return False
    if records.unreadable:
        return False
    job = records.job(name.job)
    return job.outcome(name.number) is not None or not job.intents


@dataclass(slots=True)
class _Folder:
    """The objects of one video in the final bucket, by attempt."""

    key: VideoKey
    attempts: dict[AttemptName, list[ObjectStat]] = field(default_factory=dict)

    def add(self, stat: ObjectStat) -> None:
        name = layout.parse_attempt_key(stat.key)
        if name is not None:
            self.attempts.setdefault(name, []).append(stat)
