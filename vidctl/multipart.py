"""Writes a large file as one object, in parts: S3 takes 5 GiB in one PUT, 5 TiB in 10,000 parts.

An upload that was begun is stored and paid for until it is completed or aborted, and no listing of objects shows it. It
is therefore aborted on every way out but its completion. What a killed process leaves, or a lost reply, the lifecycle
rule of the bucket ends after a day.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any, BinaryIO

from vidctl import logs, parts
from vidctl.clients import Client
from vidctl.errors import Misconfigured, NotFound, Unavailable, WorldError
from vidctl.groups import TaskGroup, first_error
from vidctl.ports import ObjectStat

MIB = 1024**2

ABORT_TIMEOUT = timedelta(seconds=5)
"""Time for aborting: what is left of a worker's grace after SIGTERM belongs to its Result."""

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Which files go in parts, and in which: ``at_once`` of them are held in memory, and sent.

    A copy goes through nobody's memory, and in parts only where S3 does not make it in one call.

    S3 takes no part below 5 MiB but the last.
    """

    threshold_bytes: int = 256 * MIB
    part_bytes: int = 16 * MIB
    at_once: int = 4
    copied_above_bytes: int = parts.MOST_PART_BYTES
    copied_bytes: int = 1024 * MIB

    def part_of(self, size_bytes: int) -> int:
        """Return the size of the parts of a file: larger from 156 GiB on, so that there are not too many.

        A file is always cut alike, since the ETag depends on it.
        """
        return parts.part_bytes(size_bytes, self.part_bytes)


PARTS = Parts()


def told(cache_control: str) -> dict[str, str]:
    """Return the parameter of a call that writes an object, for what readers are told of keeping it, if anything."""
    return {"CacheControl": cache_control} if cache_control else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipart:
    """The upload of one object in parts. ``at`` is its place, as every call names it."""

    client: Client
    at: dict[str, str]
    parts: Parts
    abort_within: timedelta = ABORT_TIMEOUT

    async def upload(
        self, file: BinaryIO, size_bytes: int, *, content_type: str, sha256: str, cache_control: str = ""
    ) -> str:
        """Write an open file; return the ETag as S3 writes it. Doing it again is harmless.

        Raises:
            Misconfigured: the file has not the SHA-256 (hex) that was said; nothing was written.
            WorldError: S3 did not take it.

        """
        async with self._begun(content_type, cache_control) as upload_id:
            sent = await self._send_all(file, self.parts.part_of(size_bytes), upload_id=upload_id, sha256=sha256)
            answer = await self._continue("complete_multipart_upload", upload_id, MultipartUpload={"Parts": sent})
        return str(answer["ETag"])

    async def copy(self, source: dict[str, str], stat: ObjectStat) -> None:
        """Write what another object of at most 5 TiB has, as long as it is the one of ``stat``.

        Raises:
            PreconditionFailed: it is another. NotFound: it is gone.

        """
        size = parts.part_bytes(stat.size_bytes, self.parts.copied_bytes)
        numbers = range(1, parts.part_count(stat.size_bytes, size) + 1)
        async with self._begun(stat.content_type, "") as upload_id:
            copied: list[dict[str, Any]] = []
            for start in range(0, len(numbers), self.parts.at_once):
                with first_error():
                    async with TaskGroup() as group:
                        tasks = [
                            group.create_task(self._copy_part(source, stat, number, size, upload_id=upload_id))
                            for number in numbers[start : start + self.parts.at_once]
                        ]
                copied += [task.result() for task in tasks]
            await self._continue("complete_multipart_upload", upload_id, MultipartUpload={"Parts": copied})

    async def _copy_part(
        self, source: dict[str, str], stat: ObjectStat, number: int, size: int, *, upload_id: str
    ) -> dict[str, Any]:
        start = (number - 1) * size
        answer = await self.client.call(
            "upload_part_copy",
            **self.at,
            UploadId=upload_id,
            PartNumber=number,
            CopySource=source,
            CopySourceIfMatch=stat.etag,
            CopySourceRange=f"bytes={start}-{min(start + size, stat.size_bytes) - 1}",
        )
        told_of = answer["CopyPartResult"]
        checksum = {"ChecksumSHA256": told_of["ChecksumSHA256"]} if "ChecksumSHA256" in told_of else {}
        return {"PartNumber": number, "ETag": told_of["ETag"], **checksum}

    async def _send_all(self, file: BinaryIO, part_bytes: int, *, upload_id: str, sha256: str) -> list[dict[str, Any]]:
        whole, sent = hashlib.sha256(), dict[int, dict[str, Any]]()
        reading, count = asyncio.Lock(), 0

        def read() -> tuple[bytes, str]:
            body = file.read(part_bytes)
            whole.update(body)
            return body, b64encode(hashlib.sha256(body).digest()).decode()

        async def send_on() -> None:
            nonlocal count
            while True:
                # One after the other: only so can the SHA-256 of the whole be had in the same reading.
                async with reading:
                    body, checksum = await asyncio.to_thread(read)
                    count = number = count + 1
                if not body:
                    return
                sent[number] = await self._send(number, body, upload_id=upload_id, checksum=checksum)

        with first_error():
            async with TaskGroup() as group:
                for _ in range(self.parts.at_once):
                    group.create_task(send_on())
        if whole.hexdigest() != sha256:
            # S3 checks the parts alone, and would put together whatever they are.
            raise Misconfigured(f"{self.at['Key']}: the file has another SHA-256 than was said")
        return [sent[number] for number in sorted(sent)]

    async def _send(self, number: int, body: bytes, *, upload_id: str, checksum: str) -> dict[str, Any]:
        answer = await self._continue(
            "upload_part",
            upload_id,
            PartNumber=number,
            Body=BytesIO(body),
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=checksum,
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    async def _continue(self, operation: str, upload_id: str, **parameters: Any) -> dict[str, Any]:
        try:
            return await self.client.call(operation, **self.at, UploadId=upload_id, **parameters)
        except NotFound as error:
            # Completed by a call whose reply was lost, or aborted by somebody: nobody knows, so it is to be done again.
            raise Unavailable(f"{error}: the upload is gone") from error

    # --- begin and end --------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _begun(self, content_type: str, cache_control: str) -> AsyncIterator[str]:
        """Begin an upload, which is aborted unless the block completes it."""
        beginning = asyncio.ensure_future(
            self.client.call(
                "create_multipart_upload",
                **self.at,
                ContentType=content_type,
                **told(cache_control),
                ChecksumAlgorithm="SHA256",
            )
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._abort, beginning)
            # Shielded: without the answer nobody would know what to abort.
            yield (await asyncio.shield(beginning))["UploadId"]
            stack.pop_all()

    async def _abort(self, beginning: asyncio.Future[dict[str, Any]]) -> None:
        """Abort the upload, once it has begun. In a task of its own, which no cancellation of this one ends."""
        await asyncio.shield(asyncio.ensure_future(self._aborted(beginning)))

    async def _aborted(self, beginning: asyncio.Future[dict[str, Any]]) -> None:
        if beginning.done() and beginning.exception() is not None:
            return  # as far as anybody knows, nothing was begun
        try:
            async with asyncio.timeout(self.abort_within.total_seconds()):
                upload_id = (await beginning)["UploadId"]
                await self.client.call("abort_multipart_upload", **self.at, UploadId=upload_id)
        except NotFound:
            return
        except (WorldError, TimeoutError) as error:
            # Why the upload failed is what the caller has to hear.
            log.warning("upload_not_aborted", key=self.at["Key"], error=str(error) or "timed out")
