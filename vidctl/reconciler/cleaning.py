"""The daily cleaning: removes the outputs of attempts that came to nothing, and looks again at what was forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vidctl import layout, logs
from vidctl.errors import Malformed, WorldError
from vidctl.journal import Journal
from vidctl.layout import AttemptName
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.ports import Objects, ObjectStat, World
from vidctl.records import JobRecords, Manifest, VideoRecords

log = logs.get(__name__)


class Cleaning:
    """The cleaning of one replica. What cannot be looked at today is looked at tomorrow."""

    def __init__(
        self,
        world: World,
        *,
        journal: Journal,
        add: Callable[[VideoKey], None],
        clean_after: timedelta,
        metrics: Metrics,
    ) -> None:
        self._raw = world.raw
        self._final = world.final
        self._clock = world.clock
        self._journal = journal
        self._add = add
        self._clean_after = clean_after
        self._metrics = metrics

    async def daily(self) -> None:
        """Go over the whole final bucket once."""
        async for video in _videos(self._final):
            try:
                await self._clean(video)
            except WorldError as error:
                log.warning("video_not_cleaned", video_id=video.key.video_id, code=error.code, error=str(error))
        await self._look_again()
        self._metrics.sweep_success.labels("daily").set(self._clock().timestamp())

    async def _clean(self, video: _Folder) -> None:
        before = self._clock() - self._clean_after
        old = {name: stats for name, stats in video.attempts.items() if _newest(stats) < before}
        if not old:
            return
        try:
            published = await self._journal.manifest(video.key)
        except Malformed:
            return
        manifest = None if published is None else published.manifest
        others = {name: stats for name, stats in old.items() if not _published(name, manifest)}
        if not others:
            return
        if await self._raw.head(layout.raw_key(video.key)) is not None:
            # An upload is being worked on, perhaps the same file once more: its old outputs may be published again.
            return
        records = await self._journal.records(video.key)
        for name, stats in others.items():
            if abandoned(name, records=records, manifest=manifest):
                await self._final.delete_many([stat.key for stat in stats])
                self._metrics.swept.inc(len(stats))
                log.info("outputs_swept", video_id=name.key.video_id, attempt=str(name.number), objects=len(stats))

    async def _look_again(self) -> None:
        """Ask for a pass on videos with something open, or whose owner cancelled: their event may have been lost."""
        last: VideoKey | None = None
        async for stat in self._final.list(layout.RECORDS_PREFIX):
            key = layout.parse_video_folder(stat.key)
            if key is None or key == last:
                continue
            last = key
            try:
                records = await self._journal.records(key)
            except WorldError as error:
                log.warning("records_not_read", video_id=key.video_id, code=error.code, error=str(error))
                continue
            if records.cancel is not None or records.unposted or any(map(_is_open, records.jobs)):
                self._add(key)


def abandoned(name: AttemptName, *, records: VideoRecords, manifest: Manifest | None) -> bool:
    """Whether the outputs of an attempt may be removed: no manifest names them, and the attempt has ended.

    Records expire 60 days after they were written (lifecycle): an attempt without any is older still.
    """
    if _published(name, manifest) or records.unreadable:
        return False
    job = records.job(name.job)
    return job.outcome(name.number) is not None or not job.intents


def _is_open(job: JobRecords) -> bool:
    """Whether an attempt has no verdict, or a round was opened that nobody began."""
    begun = {intent.number.round for intent in job.intents} | {dead.round for dead in job.deads}
    return bool(job.open_intents) or (bool(job.rounds) and job.round not in begun)


def _published(name: AttemptName, manifest: Manifest | None) -> bool:
    return manifest is not None and (manifest.job, manifest.number) == (name.job, name.number)


def _newest(stats: list[ObjectStat]) -> datetime:
    return max(stat.last_modified for stat in stats)


@dataclass(slots=True)
class _Folder:
    """The objects of one video in the final bucket, by attempt."""

    key: VideoKey
    attempts: dict[AttemptName, list[ObjectStat]] = field(default_factory=dict)


async def _videos(final: Objects) -> AsyncIterator[_Folder]:
    """Yield the videos one by one: a listing is in the order of the keys."""
    video: _Folder | None = None
    async for stat in final.list(layout.OUTPUTS_PREFIX):
        name = layout.parse_attempt_key(stat.key)
        if name is None:
            continue
        if video is not None and video.key != name.key:
            yield video
            video = None
        video = video or _Folder(name.key)
        video.attempts.setdefault(name, []).append(stat)
    if video is not None:
        yield video
