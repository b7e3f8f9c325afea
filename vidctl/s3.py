"""One S3 bucket as ``Objects``."""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

from vidctl.clients import Client
from vidctl.errors import NotFound, PreconditionFailed, WorldError
from vidctl.multipart import PARTS, Multipart, Parts, told
from vidctl.ports import MAY_CHANGE, Clock, ObjectStat, Reading, StoredObject
from vidctl.refusals import meaning
from vidctl.sigv4 import UrlSigner

BATCH = 1000
"""AWS: DeleteObjects, keys of one call."""

PAGE = 250
"""Keys of one listing: botocore parses a page of 1,000 for 60 ms, during which the loop stands still."""


SIGNED_EVERY = timedelta(minutes=15)
"""Reads are signed as of the last full quarter of an hour."""


class S3Objects:
    """Implements ``Objects``. ``files`` is the client of calls that move gigabytes, ``client`` of all others."""

    def __init__(self, *, client: Client, files: Client, bucket: str, clock: Clock, parts: Parts = PARTS) -> None:
        self._client = client
        self._files = files
        self._bucket = bucket
        self._clock = clock
        self._parts = parts
        self._found: tuple[str, str] | None = None

    async def head(self, key: str) -> ObjectStat | None:
        """Return the object's properties; see ``Objects``."""
        try:
            answer = await self._client.call("head_object", **self._at(key), ChecksumMode="ENABLED")
        except NotFound:
            return None
        return _stat(key, answer, size_bytes=answer["ContentLength"])

    async def get(self, key: str) -> StoredObject | None:
        """Return a small object whole; see ``Objects``."""
        try:
            answer, body = await self._client.read("get_object", **self._at(key))
        except NotFound:
            return None
        return StoredObject(body=body, etag=_unquoted(answer["ETag"]))

    async def read_range(self, key: str, *, start: int, end: int, if_match: str) -> bytes:
        """Return some bytes of an object that has not changed; see ``Objects``."""
        _, body = await self._files.read(
            "get_object", **self._at(key), Range=f"bytes={start}-{end - 1}", IfMatch=if_match
        )
        return body

    async def create(self, key: str, body: bytes, *, content_type: str) -> str:
        """Write an object that does not exist yet; see ``Objects``.

        The SDK repeats a call that got no answer, so the 412 may be the echo of this very write.
        """
        return await self._put(key, body, content_type, IfNoneMatch="*")

    async def replace(self, key: str, body: bytes, *, content_type: str, if_match: str) -> str:
        """Write over an object that has not changed; see ``Objects``."""
        return await self._put(key, body, content_type, IfMatch=if_match)

    async def overwrite(self, key: str, body: bytes, *, content_type: str) -> None:
        """Write an object whatever was there; see ``Objects``."""
        await self._put(key, body, content_type)

    async def upload(self, key: str, body: bytes, *, content_type: str, sha256: str, cache_control: str = "") -> str:
        """Write a small object with its SHA-256; see ``Objects``."""
        return await self._put_checked(key, BytesIO(body), content_type, sha256, cache_control)

    async def upload_file(
        self, key: str, path: Path, *, content_type: str, sha256: str, cache_control: str = ""
    ) -> str:
        """Write a local file with its SHA-256; see ``Objects``.

        aiohttp reads the file in a thread, chunk by chunk. Without TLS, as on one machine in place of AWS, botocore
        signs the body too and reads the file once before that, on the loop.
        """
        with await asyncio.to_thread(path.open, "rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes <= self._parts.threshold_bytes:
                return await self._put_checked(key, file, content_type, sha256, cache_control)
            multipart = Multipart(client=self._files, at=self._at(key), parts=self._parts)
            return _unquoted(
                await multipart.upload(
                    file, size_bytes, content_type=content_type, sha256=sha256, cache_control=cache_control
                )
            )

    async def delete(self, key: str, *, if_match: str | None = None) -> None:
        """Remove an object; see ``Objects``."""
        condition = {} if if_match is None else {"IfMatch": if_match}
        try:
            await self._client.call("delete_object", **self._at(key), **condition)
        except NotFound:
            return

    async def delete_many(self, keys: Sequence[str]) -> None:
        """Remove objects by the thousand; see ``Objects``."""
        faults: list[WorldError] = []
        for start in range(0, len(keys), BATCH):
            named = [{"Key": key} for key in keys[start : start + BATCH]]
            answer = await self._client.call(
                "delete_objects", Bucket=self._bucket, Delete={"Objects": named, "Quiet": True}
            )
            faults += map(_fault, answer.get("Errors", ()))
        for fault in faults:
            if not isinstance(fault, NotFound):
                raise fault

    async def copy(self, source: str, target: str, *, if_match: str) -> ObjectStat:
        """Copy an object that has not changed; see ``Objects``."""
        place = self._at(source)
        stat = await self.head(source)
        if stat is None:
            raise NotFound(f"{source}: no such object")
        if stat.etag != if_match:
            raise PreconditionFailed(f"{source}: has ETag {stat.etag}, not {if_match}")
        if stat.size_bytes > self._parts.copied_above_bytes:
            await Multipart(client=self._files, at=self._at(target), parts=self._parts).copy(place, stat)
        else:
            await self._files.call(
                "copy_object",
                **self._at(target),
                CopySource=place,
                CopySourceIfMatch=if_match,
                MetadataDirective="COPY",
            )
        copied = await self.head(target)
        if copied is None:
            raise NotFound(f"{target}: vanished after the copy")
        return copied

    async def list(self, prefix: str, *, start_after: str = "", limit: int | None = None) -> AsyncIterator[ObjectStat]:
        """Yield the objects under ``prefix``; see ``Objects``."""
        page: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        if start_after:
            page["StartAfter"] = start_after
        wanted = limit
        while wanted is None or wanted > 0:
            page["MaxKeys"] = PAGE if wanted is None else min(PAGE, wanted)
            answer = await self._client.call("list_objects_v2", **page)
            items = answer.get("Contents", ())
            for item in items:
                yield _stat(item["Key"], item, size_bytes=item["Size"])
            if not answer.get("IsTruncated"):
                return
            wanted = None if wanted is None else wanted - len(items)
            page["ContinuationToken"] = answer["NextContinuationToken"]

    async def sign_get(self, key: str, *, expires_in: timedelta) -> str:
        """Sign reading an object; see ``Objects``."""
        return (await self.reading(until=self._clock() + expires_in)).url(key)

    async def reading(self, *, until: datetime) -> Reading:
        """Return what signs reads; see ``Objects``."""
        base, region = await self._place()
        credentials = await self._client.credentials()
        now = self._clock()
        at = now - (now - datetime.min.replace(tzinfo=UTC)) % SIGNED_EVERY
        return UrlSigner(base, region=region, credentials=credentials, at=at, until=until)

    async def _place(self) -> tuple[str, str]:
        """Return where objects are, and the region: as botocore finds both."""
        if self._found is None:
            url = urlsplit(await self._client.presign("get_object", self._at("key"), expires_in=SIGNED_EVERY))
            _, _, region, *_ = parse_qs(url.query)["X-Amz-Credential"][0].split("/")
            self._found = f"{url.scheme}://{url.netloc}{url.path.removesuffix('/key')}", region
        return self._found

    async def _put(self, key: str, body: bytes, content_type: str, **condition: str) -> str:
        answer = await self._client.call(
            "put_object", **self._at(key), Body=body, ContentType=content_type, CacheControl=MAY_CHANGE, **condition
        )
        return _unquoted(answer["ETag"])

    async def _put_checked(self, key: str, body: BinaryIO, content_type: str, sha256: str, cache_control: str) -> str:
        answer = await self._files.call(
            "put_object",
            **self._at(key),
            Body=body,
            ContentType=content_type,
            **told(cache_control),
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=b64encode(bytes.fromhex(sha256)).decode(),
        )
        return _unquoted(answer["ETag"])

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key}


def _stat(key: str, answer: dict[str, Any], *, size_bytes: int) -> ObjectStat:
    # A composite checksum of a multipart upload ("…-3") is not the SHA-256 of the object.
    checksum = str(answer.get("ChecksumSHA256", "-"))
    return ObjectStat(
        key=key,
        etag=_unquoted(answer["ETag"]),
        size_bytes=size_bytes,
        last_modified=answer["LastModified"].astimezone(UTC),
        content_type=answer.get("ContentType", ""),
        cache_control=answer.get("CacheControl", ""),
        sha256=None if "-" in checksum else b64decode(checksum).hex(),
    )


def _fault(entry: dict[str, Any]) -> WorldError:
    """Return what the failure of one key of a batch means. It comes without an HTTP status.

    A code that is not known says nothing about the configuration: the key is tried again, and seen in the metrics.
    """
    code, message = entry.get("Code", ""), entry.get("Message", "")
    return meaning(code, message, 500)(f"s3.delete_objects: {entry.get('Key')}: {code} {message}")


def _unquoted(etag: str) -> str:
    return etag.strip('"')
