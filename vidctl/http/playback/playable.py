"""What of a video may be played now: what its manifest names, unless its owner wants it gone."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from vidctl import layout
from vidctl.errors import VidctlError
from vidctl.groups import TaskGroup, first_error
from vidctl.http.playback.links import Link, is_name
from vidctl.journal import Journal
from vidctl.layout import RecordName
from vidctl.model import VideoKey
from vidctl.ports import Clock, Objects
from vidctl.records import Manifest

REMEMBERED = timedelta(seconds=5)
"""For how long a video is not looked at again: so much later a link to a deleted one ends."""


class NotPlayable(VidctlError):
    """There is nothing under this link: deleted, published anew, or never there."""

    code = "not_playable"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    at: datetime
    manifest: asyncio.Task[Manifest | None]


class Playable:
    """Reads manifests. Everybody who asks for a video within some seconds shares one look at it.

    ``capacity`` videos are remembered.
    """

    def __init__(self, *, final: Objects, journal: Journal, clock: Clock, capacity: int = 10_000) -> None:
        self._final = final
        self._journal = journal
        self._clock = clock
        self._capacity = capacity
        self._looks: OrderedDict[VideoKey, _Look] = OrderedDict()

    async def check(self, link: Link, name: str) -> None:
        """Make sure that ``name`` was published by the link's attempt and still is.

        Raises:
            NotPlayable: it is not. WorldError: the bucket does not answer.

        """
        manifest = await self._manifest(link.attempt.key) if is_name(name) else None
        if manifest is None or not _names(manifest, link, name):
            raise NotPlayable("There is nothing under this link: what was published may be gone, or replaced.")

    async def _manifest(self, key: VideoKey) -> Manifest | None:
        now, look = self._clock(), self._looks.get(key)
        if look is None or now >= look.at + REMEMBERED or _failed(look.manifest):
            look = _Look(at=now, manifest=asyncio.ensure_future(self._read(key)))
            self._looks[key] = look
            self._looks.move_to_end(key)
            while len(self._looks) > self._capacity:
                self._looks.popitem(last=False)
        # Shielded: others wait for it, too, when this request is given up.
        return await asyncio.shield(look.manifest)

    async def _read(self, key: VideoKey) -> Manifest | None:
        with first_error():
            async with TaskGroup() as reads:
                published = reads.create_task(self._journal.manifest(key))
                cancel = reads.create_task(self._final.head(layout.record_key(key, RecordName("cancel", None))))
        found = published.result()
        return None if found is None or cancel.result() is not None else found.manifest


def _failed(look: asyncio.Task[Manifest | None]) -> bool:
    return look.done() and (look.cancelled() or look.exception() is not None)


def _names(manifest: Manifest, link: Link, name: str) -> bool:
    key = link.prefix + name
    return any(key.startswith(output.key) if output.is_folder else key == output.key for output in manifest.outputs)
