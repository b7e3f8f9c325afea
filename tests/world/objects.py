"""One S3 bucket in memory, after AWS's contract: conditional writes, versions, delete markers, checksums, events."""

from __future__ import annotations

import copy
import hashlib
import sys
from bisect import bisect_left, bisect_right, insort
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Self
from urllib.parse import quote

from tests.world.seam import BLIND, Around, Witness, undisturbed
from vidctl.errors import Misconfigured, NotFound, PreconditionFailed
from vidctl.multipart import PARTS, Parts
from vidctl.ports import MAY_CHANGE, Clock, ObjectStat, Reading, StoredObject

PAGE = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What a bucket says of an object that it got; ``sequencer`` orders the events of one key."""

    bucket: str
    key: str
    etag: str
    size_bytes: int
    event_name: str
    at: datetime
    sequencer: str
    version_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """One version of an object; without a body it is a delete marker."""

    body: bytes | None
    stat: ObjectStat
    version_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryReading:
    """Implements ``Reading``."""

    bucket: str
    expires_at: datetime

    def url(self, key: str, *, method: str = "GET") -> str:
        return f"memory://{self.bucket}/{quote(key)}?{method}&until={self.expires_at:%H:%M:%S}"


class MemoryObjects:
    """Implements ``Objects``, and gives tests hands that no fault holds: ``put``, ``remove``, ``keys``."""

    def __init__(
        self,
        bucket: str,
        *,
        clock: Clock,
        versioned: bool = False,
        on_created: Callable[[Created], None] | None = None,
        witness: Witness = BLIND,
        around: Around = undisturbed,
        page_size: int = PAGE,
        parts: Parts = PARTS,
    ) -> None:
        self.bucket = bucket
        self._clock = clock
        self._versioned = versioned
        self._on_created = on_created
        self._witness = witness
        self._around = around
        self.page_size = page_size
        self._parts = parts
        self._versions: dict[str, list[_Version]] = {}
        self._keys: list[str] = []
        self.credentials_end: datetime | None = None
        self._sequence = count(1)

    def through(self, around: Around) -> Self:
        """Return the same bucket as seen by somebody whose calls meet other faults."""
        view = copy.copy(self)
        view._around = around
        return view

    # --- the port -------------------------------------------------------------------------------------------------

    async def head(self, key: str) -> ObjectStat | None:
        async with self._around("objects.head"):
            current = self._current(key)
            return None if current is None else current[1]

    async def get(self, key: str) -> StoredObject | None:
        async with self._around("objects.get"):
            current = self._current(key)
            return None if current is None else StoredObject(body=current[0], etag=current[1].etag)

    async def read_range(self, key: str, *, start: int, end: int, if_match: str) -> bytes:
        async with self._around("objects.read_range"):
            body, _ = self._matching(key, if_match)
            if not 0 <= start < min(end, len(body)):
                raise Misconfigured(f"{key}: range {start} to {end} is not within {len(body)} bytes (416)")
            return body[start:end]

    async def create(self, key: str, body: bytes, *, content_type: str) -> str:
        async with self._around("objects.create"):
            if self._current(key) is not None:
                raise PreconditionFailed(f"{key}: exists")
            return self.put(key, body, content_type=content_type, cache_control=MAY_CHANGE)

    async def replace(self, key: str, body: bytes, *, content_type: str, if_match: str) -> str:
        async with self._around("objects.replace"):
            self._matching(key, if_match)
            return self.put(key, body, content_type=content_type, cache_control=MAY_CHANGE)

    async def overwrite(self, key: str, body: bytes, *, content_type: str) -> None:
        async with self._around("objects.overwrite"):
            self.put(key, body, content_type=content_type, cache_control=MAY_CHANGE)

    async def upload(self, key: str, body: bytes, *, content_type: str, sha256: str, cache_control: str = "") -> str:
        async with self._around("objects.upload"):
            _must_have(sha256, body, key)
            return self.put(key, body, content_type=content_type, sha256=sha256, cache_control=cache_control)

    async def upload_file(
        self, key: str, path: Path, *, content_type: str, sha256: str, cache_control: str = ""
    ) -> str:
        async with self._around("objects.upload_file"):
            # Read on the loop: a thread would end in real time, which the virtual clock does not see.
            body = _read(path)
            _must_have(sha256, body, key)
            if len(body) <= self._parts.threshold_bytes:
                return self.put(key, body, content_type=content_type, sha256=sha256, cache_control=cache_control)
            etag = _etag_of_parts(body, self._parts.part_of(len(body)))
            return self.put(
                key,
                body,
                content_type=content_type,
                etag=etag,
                event="ObjectCreated:CompleteMultipartUpload",
                cache_control=cache_control,
            )

    async def delete(self, key: str, *, if_match: str | None = None) -> None:
        async with self._around("objects.delete"):
            current = self._current(key)
            if if_match is not None and current is not None and current[1].etag != if_match:
                raise PreconditionFailed(f"{key}: has ETag {current[1].etag}, not {if_match}")
            if current is not None:
                self.remove(key)

    async def delete_many(self, keys: Sequence[str]) -> None:
        async with self._around("objects.delete_many"):
            for key in keys:
                self.remove(key)

    async def copy(self, source: str, target: str, *, if_match: str) -> ObjectStat:
        async with self._around("objects.copy"):
            body, stat = self._matching(source, if_match)
            self.put(
                target,
                body,
                content_type=stat.content_type,
                sha256=stat.sha256,
                event="ObjectCreated:Copy",
                cache_control=stat.cache_control,
            )
            return self._versions[target][-1].stat

    async def list(self, prefix: str, *, start_after: str = "", limit: int | None = None) -> AsyncIterator[ObjectStat]:
        after, wanted = start_after, sys.maxsize if limit is None else limit
        while wanted > 0:
            async with self._around("objects.list"):
                page = self.page(prefix, after=after)[:wanted]
            for stat in page:
                yield stat
            if len(page) < self.page_size:
                return
            after, wanted = page[-1].key, wanted - len(page)

    async def sign_get(self, key: str, *, expires_in: timedelta) -> str:
        async with self._around("objects.sign_get"):
            return f"memory://{self.bucket}/{quote(key)}?expires={int(expires_in.total_seconds())}"

    async def reading(self, *, until: datetime) -> Reading:
        async with self._around("objects.reading"):
            return MemoryReading(bucket=self.bucket, expires_at=min(until, self.credentials_end or until))

    # --- the hands of tests ---------------------------------------------------------------------------------------

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = "application/octet-stream",
        sha256: str | None = None,
        etag: str | None = None,
        event: str = "ObjectCreated:Put",
        cache_control: str = "",
    ) -> str:
        """Write whatever was there; return the ETag. A multipart upload has its own ``etag`` and ``event``."""
        self._witness.writing(self.bucket, key, body)
        stat = ObjectStat(
            key=key,
            etag=etag or self.etag_of(body),
            size_bytes=len(body),
            # AWS: Last-Modified has whole seconds.
            last_modified=self._clock().replace(microsecond=0),
            content_type=content_type,
            cache_control=cache_control,
            sha256=sha256,
        )
        self._append(key, body, stat)
        self._notify(stat, event)
        return stat.etag

    @staticmethod
    def etag_of(body: bytes) -> str:
        """Return the ETag of an object that is put in one piece (AWS: the MD5 of its bytes)."""
        return hashlib.md5(body, usedforsecurity=False).hexdigest()

    def remove(self, key: str) -> None:
        """Delete unconditionally, as a lifecycle rule does: a versioned bucket keeps the versions under a marker."""
        if self._current(key) is None:
            return
        self._witness.deleting(self.bucket, key)
        if self._versioned:
            self._append(key, None, self._versions[key][-1].stat)
        else:
            del self._versions[key]
            del self._keys[bisect_left(self._keys, key)]

    def keys(self, prefix: str = "", *, after: str = "") -> tuple[str, ...]:
        """Return the keys that exist and begin with ``prefix``, in order, those after ``after``."""
        begin = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
        found = []
        for index in range(begin, len(self._keys)):  # no copy of all that follows, for a few keys
            key = self._keys[index]
            if not key.startswith(prefix):
                break
            if self._current(key) is not None:
                found.append(key)
        return tuple(found)

    def page(self, prefix: str, *, after: str) -> tuple[ObjectStat, ...]:
        """Return one page of a listing, which knows neither type nor checksum (AWS: ListObjectsV2)."""
        keys = self.keys(prefix, after=after)[: self.page_size]
        return tuple(
            replace(self._versions[key][-1].stat, content_type="", cache_control="", sha256=None) for key in keys
        )

    def body(self, key: str) -> bytes | None:
        """Return the bytes of an object."""
        current = self._current(key)
        return None if current is None else current[0]

    def stat(self, key: str) -> ObjectStat | None:
        """Return the properties of an object."""
        current = self._current(key)
        return None if current is None else current[1]

    # --------------------------------------------------------------------------------------------------------------

    def _current(self, key: str) -> tuple[bytes, ObjectStat] | None:
        versions = self._versions.get(key)
        if not versions or versions[-1].body is None:
            return None
        return versions[-1].body, versions[-1].stat

    def _matching(self, key: str, etag: str) -> tuple[bytes, ObjectStat]:
        current = self._current(key)
        if current is None:
            raise NotFound(f"{key}: no such object")
        if current[1].etag != etag:
            raise PreconditionFailed(f"{key}: has ETag {current[1].etag}, not {etag}")
        return current

    def _append(self, key: str, body: bytes | None, stat: ObjectStat) -> None:
        if key not in self._versions:
            insort(self._keys, key)
        version_id = f"v{next(self._sequence)}" if self._versioned else None
        kept = self._versions.get(key, []) if self._versioned else []
        self._versions[key] = [*kept, _Version(body=body, stat=stat, version_id=version_id)]

    def _notify(self, stat: ObjectStat, event: str) -> None:
        if self._on_created is None:
            return
        self._on_created(
            Created(
                bucket=self.bucket,
                key=stat.key,
                etag=stat.etag,
                size_bytes=stat.size_bytes,
                event_name=event,
                at=self._clock(),
                sequencer=f"{next(self._sequence):016X}",
                version_id=self._versions[stat.key][-1].version_id,
            )
        )


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _must_have(sha256: str, body: bytes, key: str) -> None:
    if hashlib.sha256(body).hexdigest() != sha256:
        raise Misconfigured(f"{key}: the SHA-256 does not match the body (BadDigest)")


def _etag_of_parts(body: bytes, part_bytes: int) -> str:
    """Return the ETag of an object that came in parts (AWS: the MD5 of the parts' MD5s, and their number)."""
    parts = [body[start : start + part_bytes] for start in range(0, len(body), part_bytes)]
    sums = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    return f"{hashlib.md5(sums, usedforsecurity=False).hexdigest()}-{len(parts)}"
