"""A bucket as one replica meets it: its way there leads through its weather."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from tests.simulation.catalogue import Fault
from tests.simulation.weather import Weather
from tests.world.ledger import NEWER, OURS, readable
from tests.world.objects import MemoryObjects
from tests.world.seam import at_once
from vidctl import layout
from vidctl.errors import AccessDenied, PreconditionFailed, Unavailable, WriteConflict
from vidctl.ports import ObjectStat, Reading, StoredObject


class Meddler(Protocol):
    """A person who does things by hand."""

    def overwrite(self, key: str) -> None:
        """Put another file under the key of a raw object."""

    def remove_an_output(self, manifest_key: str) -> None:
        """Remove an object of a publication."""


class SeenObjects:
    """A bucket. ``newer``: the replica is of a version that writes what the present one cannot read.

    ``meddler`` is whoever does things by hand at the worst moment.
    """

    def __init__(
        self,
        objects: MemoryObjects,
        weather: Weather,
        *,
        newer: bool = False,
        meddler: Meddler,
    ) -> None:
        self._objects = objects.through(at_once)
        self._weather = weather
        self._newer = newer
        self._meddler = meddler
        self._bucket = objects.bucket

    async def head(self, key: str) -> ObjectStat | None:
        async def forbidden() -> ObjectStat | None:
            if (stat := self._objects.stat(key)) is None:
                raise AccessDenied(f"{key}: 403")
            return stat

        stat = await self._weather.call(
            "objects.head",
            key,
            lambda: self._objects.head(key),
            bucket=self._bucket,
            special={Fault.FORBIDDEN_FOR_MISSING: forbidden},
        )
        if stat != self._objects.stat(key):
            self._weather.dice.reach(Fault.OVERTAKEN_READ)
        return stat

    async def get(self, key: str) -> StoredObject | None:
        stored = await self._weather.call("objects.get", key, lambda: self._objects.get(key), bucket=self._bucket)
        return replace(stored, body=readable(stored.body)) if stored is not None and self._newer else stored

    async def read_range(self, key: str, *, start: int, end: int, if_match: str) -> bytes:
        async def overwritten() -> bytes:
            if key.startswith(layout.RAW_PREFIX) and self._objects.stat(key) is not None:
                self._meddler.overwrite(key)
            return await read()

        async def read() -> bytes:
            return await self._objects.read_range(key, start=start, end=end, if_match=if_match)

        return await self._weather.call(
            "objects.read_range",
            key,
            read,
            bucket=self._bucket,
            special={Fault.CHANGED_BEFORE_A_GLANCE: overwritten},
        )

    async def create(self, key: str, body: bytes, *, content_type: str) -> str:
        written = self._written(body)

        async def created() -> str:
            return await self._objects.create(key, written, content_type=content_type)

        return await self._write("objects.create", key, created)

    async def replace(self, key: str, body: bytes, *, content_type: str, if_match: str) -> str:
        written = self._written(body)

        async def replaced() -> str:
            return await self._objects.replace(key, written, content_type=content_type, if_match=if_match)

        return await self._write("objects.replace", key, replaced)

    async def _write(self, operation: str, key: str, write: Callable[[], Awaitable[str]]) -> str:
        async def conflict() -> str:
            raise WriteConflict(f"{key}: 409")

        async def lost_to_itself() -> str:
            await write()
            raise PreconditionFailed(f"{key}: 412 for the second try of the SDK")

        async def meddled_with() -> str:
            etag = await write()
            self._meddler.remove_an_output(key)
            return etag

        return await self._weather.call(
            operation,
            key,
            write,
            bucket=self._bucket,
            special={
                Fault.WRITE_CONFLICT: conflict,
                Fault.LOST_TO_ITSELF: lost_to_itself,
                Fault.OUTPUT_REMOVED_BY_HAND: meddled_with,
            },
        )

    async def delete(self, key: str, *, if_match: str | None = None) -> None:
        async def overwritten() -> None:
            if key.startswith(layout.RAW_PREFIX) and self._objects.stat(key) is not None:
                self._meddler.overwrite(key)
            await self._objects.delete(key, if_match=if_match)

        await self._weather.call(
            "objects.delete",
            key,
            lambda: self._objects.delete(key, if_match=if_match),
            bucket=self._bucket,
            special={Fault.CHANGED_BEFORE_DELETION: overwritten},
        )

    async def delete_many(self, keys: Sequence[str]) -> None:
        async def in_part() -> None:
            await self._objects.delete_many(keys[1::2])
            raise Unavailable(f"{keys[0]}: InternalError for some keys")

        await self._weather.call(
            "objects.delete_many",
            keys[0] if keys else "",
            lambda: self._objects.delete_many(keys),
            bucket=self._bucket,
            special={Fault.REMOVED_IN_PART: in_part},
        )

    async def copy(self, source: str, target: str, *, if_match: str) -> ObjectStat:
        async def failed() -> ObjectStat:
            raise Unavailable(f"{source}: 200 with InternalError inside")

        return await self._weather.call(
            "objects.copy",
            target,
            lambda: self._objects.copy(source, target, if_match=if_match),
            bucket=self._bucket,
            special={Fault.COPY_FAILED_WITH_200: failed},
        )

    async def list(self, prefix: str, *, start_after: str = "", limit: int | None = None) -> AsyncIterator[ObjectStat]:
        if limit is not None:
            raise NotImplementedError  # the reconciler asks for all there is
        after, whole = start_after, True
        while True:
            page, whole = await self._page(prefix, after)
            for stat in page:
                yield stat
            if not whole:
                raise Unavailable(f"{prefix}: the connection broke")
            if len(page) < self._objects.page_size:
                return
            after = page[-1].key

    async def _page(self, prefix: str, after: str) -> tuple[tuple[ObjectStat, ...], bool]:
        async def whole() -> tuple[tuple[ObjectStat, ...], bool]:
            return self._objects.page(prefix, after=after), True

        async def cut() -> tuple[tuple[ObjectStat, ...], bool]:
            page = self._objects.page(prefix, after=after)
            return page[: len(page) // 2], False

        return await self._weather.call(
            "objects.list", f"{prefix}>{after}", whole, bucket=self._bucket, special={Fault.LISTING_CUT: cut}
        )

    def _written(self, body: bytes) -> bytes:
        return NEWER + body.removeprefix(OURS) if self._newer and body.startswith(OURS) else body

    # --- what no reconciler does ----------------------------------------------------------------------------------

    async def overwrite(self, key: str, body: bytes, *, content_type: str) -> None:
        raise NotImplementedError

    async def upload(self, key: str, body: bytes, *, content_type: str, sha256: str, cache_control: str = "") -> str:
        raise NotImplementedError

    async def upload_file(
        self, key: str, path: Path, *, content_type: str, sha256: str, cache_control: str = ""
    ) -> str:
        raise NotImplementedError

    async def sign_get(self, key: str, *, expires_in: timedelta) -> str:
        raise NotImplementedError

    async def reading(self, *, until: datetime) -> Reading:
        raise NotImplementedError
