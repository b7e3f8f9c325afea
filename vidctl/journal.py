"""The journal: reads and writes the control records and the manifest of a video, over any ``Objects``."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from vidctl import codec, layout
from vidctl.errors import Malformed, NotFound, PreconditionFailed
from vidctl.groups import TaskGroup, first_error
from vidctl.layout import RecordName
from vidctl.model import VideoKey
from vidctl.ports import Objects
from vidctl.records import Manifest, Record, VideoRecords, gathered

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The manifest as it stands, with the ETag that a replacement must name."""

    manifest: Manifest
    etag: str


class Journal:
    """Control records of the final bucket.

    A record never changes, so one that was read is remembered (the ``capacity`` last ones); that there is none is
    asked again every time.
    """

    def __init__(self, objects: Objects, *, capacity: int = 20_000) -> None:
        """Read and write in ``objects``, the final bucket."""
        self._objects = objects
        self._capacity = capacity
        self._read: OrderedDict[str, Record] = OrderedDict()

    async def records(self, key: VideoKey) -> VideoRecords:
        """Return all control records of a video: one LIST, and one GET for each record not seen before."""
        names: dict[str, RecordName] = {}
        unreadable: list[str] = []
        async for stat in self._objects.list(layout.records_prefix(key)):
            name = layout.parse_record_key(stat.key)
            if name is None:
                unreadable.append(stat.key)
            else:
                names[stat.key] = name
        with first_error():
            async with TaskGroup() as reads:
                tasks = [reads.create_task(self._record(text, name)) for text, name in names.items()]
        found = [task.result() for task in tasks]
        records = [record for record in found if not isinstance(record, str)]
        unreadable += [text for text in found if isinstance(text, str)]
        return gathered(key, records, unreadable=tuple(sorted(unreadable)))

    async def write(self, record: Record) -> None:
        """Write a record once.

        Raises:
            PreconditionFailed: it was written before. WriteConflict: try again.

        """
        await self._objects.create(
            layout.record_key(record.key, codec.record_name(record)), codec.encode(record), content_type=JSON
        )

    async def manifest(self, key: VideoKey) -> Published | None:
        """Return the publication of the video, if there is one; raises as ``codec.decode``."""
        stored = await self._objects.get(layout.manifest_key(key))
        if stored is None:
            return None
        return Published(manifest=codec.decode(Manifest, stored.body), etag=stored.etag)

    async def publish(self, manifest: Manifest, *, replacing: str | None) -> None:
        """Write the manifest: the first, or in place of the one with the ETag ``replacing``.

        Raises:
            PreconditionFailed: another publication was first. WriteConflict: try again.

        """
        key, body = layout.manifest_key(manifest.key), codec.encode(manifest)
        if replacing is None:
            await self._objects.create(key, body, content_type=JSON)
            return
        try:
            await self._objects.replace(key, body, content_type=JSON, if_match=replacing)
        except NotFound as error:
            raise PreconditionFailed(f"{key}: the publication to replace is gone") from error

    async def _record(self, text: str, name: RecordName) -> Record | str:
        """Return the record under the key ``text``, or the key itself if this version cannot read it."""
        if text in self._read:
            self._read.move_to_end(text)
            return self._read[text]
        stored = await self._objects.get(text)
        if stored is None:
            return text
        try:
            record = codec.decode_record(name, stored.body)
        except Malformed:
            return text
        self._read[text] = record
        while len(self._read) > self._capacity:
            self._read.popitem(last=False)
        return record
