"""What clients send to a bucket in memory: ``Uploads`` after AWS's contract, and the sending that a client does."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from tests.world.crc64 import crc64nvme as crc64
from tests.world.objects import MemoryObjects
from vidctl.errors import Misconfigured, NotFound, PreconditionFailed
from vidctl.parts import LEAST_PART_BYTES
from vidctl.ports import Clock, SignedUrl
from vidctl.uploads import Algorithm, Call, Checksum, Part, SignedForm

METHODS = {Call.BEGIN: "POST", Call.LIST: "GET", Call.COMPLETE: "POST", Call.ABORT: "DELETE"}


class Refused(Exception):
    """S3 answers a client with an error."""


@dataclass(kw_only=True)
class _Upload:
    """One upload in parts that is going on."""

    key: str
    content_type: str
    whole: Algorithm | None
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryUploads:
    """Implements ``Uploads`` over a bucket in memory. ``unfinished`` are the names of uploads in parts."""

    def __init__(self, objects: MemoryObjects, *, clock: Clock) -> None:
        self._objects = objects
        self._clock = clock
        self._numbers = count(1)
        self.unfinished: dict[str, _Upload] = {}

    # --- the port -------------------------------------------------------------------------------------------------

    async def sign_put(
        self,
        key: str,
        *,
        content_type: str | None,
        size_bytes: int | None,
        checksum: Checksum | None = None,
        expires_in: timedelta,
    ) -> SignedUrl:
        async with self._objects._around("uploads.sign_put"):
            headers = {} if content_type is None else {"content-type": content_type}
            headers |= {} if size_bytes is None else {"content-length": str(size_bytes)}
            headers |= {} if checksum is None else {f"x-amz-checksum-{checksum.algorithm}": checksum.value}
            return self._signed("PUT", key, expires_in, headers=headers | ({"if-none-match": "*"} if headers else {}))

    async def sign_form(self, key: str, *, content_type: str, max_bytes: int, expires_in: timedelta) -> SignedForm:
        async with self._objects._around("uploads.sign_form"):
            return SignedForm(
                url=f"memory://{self._objects.bucket}/",
                fields={
                    "key": key,
                    "Content-Type": content_type,
                    "success_action_status": "201",
                    "policy": f"1..{max_bytes}",
                },
                expires_at=self._clock() + expires_in,
            )

    async def begin(self, key: str, *, content_type: str, whole: Algorithm | None = None) -> str:
        async with self._objects._around("uploads.begin"):
            if whole is Algorithm.SHA256:
                raise Misconfigured("there is no SHA-256 of a whole that comes in parts")
            upload_id = f"upload/{next(self._numbers)}+="
            self.unfinished[upload_id] = _Upload(key=key, content_type=content_type, whole=whole)
            return upload_id

    async def sign_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int | None, expires_in: timedelta
    ) -> SignedUrl:
        async with self._objects._around("uploads.sign_part"):
            headers = {} if size_bytes is None else {"content-length": str(size_bytes)}
            return self._signed("PUT", key, expires_in, headers=headers, uploadId=upload_id, partNumber=str(number))

    async def parts(self, key: str, upload_id: str) -> tuple[Part, ...]:
        async with self._objects._around("uploads.parts"):
            found = sorted(self._upload(key, upload_id).parts.items())
            return tuple(Part(number=number, etag=_md5(body), size_bytes=len(body)) for number, body in found)

    async def complete(self, key: str, upload_id: str, parts: Sequence[Part], *, crc64nvme: str | None = None) -> str:
        async with self._objects._around("uploads.complete"):
            upload = self._upload(key, upload_id)
            if self._objects.stat(key) is not None:
                raise PreconditionFailed(f"{key}: exists")
            bodies = [_checked(upload, part) for part in parts]
            if not bodies or any(len(body) < LEAST_PART_BYTES for body in bodies[:-1]):
                raise Misconfigured("EntityTooSmall")
            if [part.number for part in parts] != sorted({part.number for part in parts}):
                raise Misconfigured("InvalidPartOrder")
            whole = b"".join(bodies)
            if crc64nvme is not None and crc64(whole) != crc64nvme:
                raise Misconfigured("BadDigest")
            del self.unfinished[upload_id]
            sums = hashlib.md5(b"".join(bytes.fromhex(_md5(body)) for body in bodies), usedforsecurity=False)
            return self._objects.put(
                key,
                whole,
                content_type=upload.content_type,
                etag=f"{sums.hexdigest()}-{len(bodies)}",
                event="ObjectCreated:CompleteMultipartUpload",
            )

    async def abort(self, key: str, upload_id: str) -> None:
        async with self._objects._around("uploads.abort"):
            upload = self.unfinished.get(upload_id)
            if upload is not None and upload.key == key:
                del self.unfinished[upload_id]

    async def sign_call(
        self, key: str, call: Call, *, upload_id: str = "", content_type: str | None = None, expires_in: timedelta
    ) -> SignedUrl:
        async with self._objects._around("uploads.sign_call"):
            headers = {"content-type": content_type} if call is Call.BEGIN and content_type is not None else {}
            headers |= {"if-none-match": "*"} if call is Call.COMPLETE else {}
            named = {"uploads": ""} if call is Call.BEGIN else {"uploadId": upload_id}
            return self._signed(METHODS[call], key, expires_in, headers=headers, **named)

    # --- what a client does ---------------------------------------------------------------------------------------

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> str:
        """Do what a signed PUT allows, with a body; return the ETag.

        Raises:
            Refused: S3 would not take it.

        """
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if int(headers.get("content-length", len(body))) != len(body):
            raise Refused("403: another size is signed")
        key, sha256 = unquote(parts.path[1:]), headers.get("x-amz-checksum-sha256")
        if sha256 is not None and b64encode(hashlib.sha256(body).digest()).decode() != sha256:
            raise Refused("400: BadDigest")
        if "uploadId" not in query:
            if "if-none-match" in headers and self._objects.stat(key) is not None:
                raise Refused("412: there is an object")
            return self._objects.put(key, body, content_type=headers.get("content-type", ""))
        upload = self.unfinished.get(query["uploadId"])
        if upload is None or upload.key != key:
            raise Refused("404: NoSuchUpload")
        upload.parts[int(query["partNumber"])] = body
        return _md5(body)

    def post(self, fields: dict[str, str], body: bytes) -> str:
        """Do what a signed form allows, with a file; return the ETag.

        Raises:
            Refused: S3 would not take it.

        """
        least, most = (int(text) for text in fields["policy"].split(".."))
        if not least <= len(body) <= most:
            raise Refused("400: EntityTooLarge, or too small")
        return self._objects.put(fields["key"], body, content_type=fields["Content-Type"], event="ObjectCreated:Post")

    # --------------------------------------------------------------------------------------------------------------

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload = self.unfinished.get(upload_id)
        if upload is None or upload.key != key:
            raise NotFound(f"{key}: NoSuchUpload")
        return upload

    def _signed(
        self, method: str, key: str, expires_in: timedelta, *, headers: dict[str, str], **query: Any
    ) -> SignedUrl:
        url = f"memory://{self._objects.bucket}/{quote(key)}" + (f"?{urlencode(query)}" if query else "")
        return SignedUrl(method=method, url=url, headers=headers, expires_at=self._clock() + expires_in)


def _checked(upload: _Upload, part: Part) -> bytes:
    body = upload.parts.get(part.number)
    if body is None or _md5(body) != part.etag:
        raise Misconfigured(f"InvalidPart: {part.number}")
    return body


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
