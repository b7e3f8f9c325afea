"""Glance at a source: one small read of its beginning, and at most two where its index stands."""

from __future__ import annotations

from typing import assert_never

from vidctl import logs, mp4
from vidctl.errors import Malformed
from vidctl.metrics import Metrics
from vidctl.model import Source
from vidctl.mp4 import Further, Index
from vidctl.ports import Objects
from vidctl.reconciler.glance import NOT_AN_MP4, Glance, Hopeless, Seen, Sight, Unknown, judge
from vidctl.reconciler.policy import InputLimits

log = logs.get(__name__)

HEAD_BYTES = 64 * 1024
"""The first read: where the index comes first, all that it says before its tables."""
INDEX_BYTES = 4 * 1024**2
"""Every further read: the whole index of some hours, or the beginning of a longer one."""


class Glancing:
    """Reads the little that a glance needs."""

    def __init__(self, raw: Objects, *, limits: InputLimits, metrics: Metrics) -> None:
        self._raw = raw
        self._limits = limits
        self._metrics = metrics

    async def at(self, source: Source) -> Glance:
        """Look at a source that has bytes.

        Raises:
            PreconditionFailed, NotFound: it is another one by now. WorldError: it cannot be read now.

        """
        sight = await self._look(source)
        self._metrics.glances.labels(_word(sight)).inc()
        log.info("glanced", sight=_word(sight), seen=str(sight))
        return Glance(source=source, sight=sight)

    async def _look(self, source: Source) -> Sight:
        try:
            return await self._follow(source)
        except Malformed as error:
            return Unknown(why=str(error))

    async def _follow(self, source: Source) -> Sight:
        start, part = 0, await self._read(source, 0, HEAD_BYTES)
        if not mp4.is_mp4(part):
            return NOT_AN_MP4
        for last in (False, True):
            found = mp4.find_index(part, at=start, size_bytes=source.size_bytes)
            match found:
                case Index():
                    return await self._index(source, found, part[found.start - start :])
                case Further() if last:
                    break
                case Further():
                    start, part = found.start, await self._read(source, found.start, INDEX_BYTES)
                case _:
                    assert_never(found)
        return Unknown(why="the index is too far away")

    async def _index(self, source: Source, index: Index, at_hand: bytes) -> Sight:
        size_bytes = index.end - index.start
        movie = mp4.read_index(at_hand[:size_bytes], size_bytes=size_bytes)
        sight = judge(movie, self._limits)
        wanted = min(size_bytes, INDEX_BYTES)
        if len(at_hand) >= wanted or not isinstance(sight, Unknown):
            return sight
        content = await self._read(source, index.start, wanted)
        return judge(mp4.read_index(content, size_bytes=size_bytes), self._limits)

    async def _read(self, source: Source, start: int, length: int) -> bytes:
        end = min(start + length, source.size_bytes)
        part = await self._raw.read_range(source.key, start=start, end=end, if_match=source.etag)
        self._metrics.glance_bytes.inc(len(part))
        return part


def _word(sight: Sight) -> str:
    match sight:
        case Seen():
            return "seen"
        case Hopeless():
            return "hopeless"
        case Unknown():
            return "unknown"
        case _:
            assert_never(sight)
