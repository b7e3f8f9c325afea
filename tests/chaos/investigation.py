"""Looks at the world as its operator can, without asking vidctl, and puts together what it finds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import timedelta

import aiohttp

from tests.backstage import Backstage, metric
from tests.chaos.fleet import Fleet
from tests.chaos.logbook import Logbook
from tests.chaos.scene import Case, Scene, Sent, Stored
from vidctl import folders, layout
from vidctl.folders import Entry
from vidctl.model import AttemptNumber
from vidctl.ports import Message
from vidctl.records import Manifest


class Investigation:
    """``killed`` has the attempts whose worker was hit, by video."""

    def __init__(
        self,
        backstage: Backstage,
        *,
        fleet: Fleet,
        sent: Mapping[str, Sent],
        killed: Mapping[str, set[AttemptNumber]],
    ) -> None:
        self._backstage = backstage
        self._fleet = fleet
        self._sent = sent
        self._killed = killed
        self._letters: dict[str, Message] = {}

    async def at_rest(self) -> bool:
        """Whether nothing is left to be done, as far as a glance can tell."""
        if any(sent.told is None for sent in self._sent.values()) or self._running():
            return False
        if not await self._backstage.queues_are_empty() or any((await self._held()).values()):
            return False
        given_up = {self._backstage.raw_key(sent.video_id) for sent in self._sent.values() if sent.told == "failed"}
        return {stat.key async for stat in self._backstage.raw.list(layout.RAW_PREFIX)} <= given_up

    async def traces(self) -> frozenset[tuple[str, str]]:
        """Return every object and every task, with what tells it from another of that name."""
        backstage = self._backstage
        objects = {
            (stat.key, stat.etag) for bucket in (backstage.raw, backstage.final) async for stat in bucket.list("")
        }
        return frozenset(objects | {(task.arn, task.status) for task, _ in backstage.every_task()})

    async def scene(self, logbook: Logbook) -> Scene:
        """Return all that there is to see."""
        await self._read_letters()
        backstage = self._backstage
        queues = {"raw": await backstage.raw_queue.depth(), "task": await backstage.task_queue.depth()}
        return Scene(
            cases=tuple([await self._case(sent, logbook.published[sent.video_id]) for sent in self._sent.values()]),
            strays=tuple(sorted(await self._strays())),
            queues=queues,
            held=await self._held(),
            running=self._running(),
        )

    async def _case(self, sent: Sent, announced: int) -> Case:
        backstage, key = self._backstage, self._backstage.key(sent.video_id)
        published = await backstage.journal.manifest(key)
        manifest = None if published is None else published.manifest
        kept = [stat.size_bytes async for stat in backstage.raw.list(f"{layout.KEPT_PREFIX}{key}/")]
        return Case(
            sent=sent,
            records=await backstage.records(sent.video_id),
            manifest=manifest,
            stored=await self._stored(manifest),
            raw=await backstage.raw.head(layout.raw_key(key)) is not None,
            kept=tuple(kept),
            tasks=tuple((job.job, job.number) for _, job in backstage.tasks(sent.video_id)),
            killed=frozenset(self._killed.get(sent.video_id, ())),
            letters=tuple(m.attributes["vidctl.reason"] for m in self._letters.values() if _video(m) == str(key)),
            announced=announced,
        )

    async def _stored(self, manifest: Manifest | None) -> dict[str, Stored]:
        """Read the bytes of every output that is named and there."""
        found = {}
        for output in manifest.outputs if manifest is not None else ():
            if output.is_folder:
                found[output.key] = await self._folder(output.key)
                continue
            stored = await self._backstage.final.get(output.key)
            if stored is not None:
                sha256 = hashlib.sha256(stored.body).hexdigest()
                found[output.key] = Stored(size_bytes=len(stored.body), sha256=sha256)
        return found

    async def _folder(self, key: str) -> Stored:
        stats = [stat async for stat in self._backstage.final.list(key)]
        folded = folders.fold(
            Entry(name=stat.key.removeprefix(key), size_bytes=stat.size_bytes, etag=stat.etag) for stat in stats
        )
        return Stored(size_bytes=folded.size_bytes, sha256=folded.sha256)

    async def _strays(self) -> set[str]:
        backstage = self._backstage
        names = {stat.key async for stat in backstage.final.list("")} | {
            stat.key async for stat in backstage.raw.list("")
        }
        names |= {f"task of {job.key}" for _, job in backstage.every_task()}
        names |= {f"letter of {_video(message)}" for message in self._letters.values()}
        for bucket in (backstage.raw, backstage.final):
            names |= {stat.key async for stat in bucket.list("")}
        return {name for name in names if not any(video_id in name for video_id in self._sent)}

    async def _read_letters(self) -> None:
        """Receive until nothing comes: what was received stays hidden for a while."""
        while messages := await self._backstage.dead_letter_queue.receive(wait=timedelta(0)):
            self._letters |= {message.message_id: message for message in messages}

    async def _held(self) -> dict[str, float]:
        return {url: await _held_by(url) for url in self._fleet.urls}

    def _running(self) -> tuple[str, ...]:
        return tuple(str(job.key) for task, job in self._backstage.every_task() if task.status != "STOPPED")


async def _held_by(url: str) -> float:
    try:
        return await metric(url, "vidctl_held_messages")
    except (aiohttp.ClientError, TimeoutError):
        return math.inf  # nobody knows


def _video(message: Message) -> str:
    return message.attributes.get("vidctl.video", message.body)
