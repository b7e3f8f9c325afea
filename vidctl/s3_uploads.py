"""What clients send to one S3 bucket, as ``Uploads``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from vidctl.clients import Client
from vidctl.errors import NotFound
from vidctl.ports import Clock, SignedUrl
from vidctl.uploads import Algorithm, Call, Checksum, Part, SignedForm

PAGE = 500
"""Parts of one listing: botocore parses a page of 1,000 for tens of milliseconds, while the loop stands still."""

_METHODS: Final = {Call.BEGIN: "POST", Call.LIST: "GET", Call.COMPLETE: "POST", Call.ABORT: "DELETE"}
_OPERATIONS: Final = {
    Call.BEGIN: "create_multipart_upload",
    Call.LIST: "list_parts",
    Call.COMPLETE: "complete_multipart_upload",
    Call.ABORT: "abort_multipart_upload",
}
_CHECKSUMS: Final = {Algorithm.SHA256: "ChecksumSHA256", Algorithm.CRC64NVME: "ChecksumCRC64NVME"}


class S3Uploads:
    """Implements ``Uploads``. ``slow`` is the client of completing: S3 takes minutes for thousands of parts."""

    def __init__(self, *, client: Client, slow: Client, bucket: str, clock: Clock) -> None:
        self._client = client
        self._slow = slow
        self._bucket = bucket
        self._clock = clock

    async def sign_put(
        self,
        key: str,
        *,
        content_type: str | None,
        size_bytes: int | None,
        checksum: Checksum | None = None,
        expires_in: timedelta,
    ) -> SignedUrl:
        """Sign the creation of an object; see ``Uploads``."""
        conditions: dict[str, Any] = {}
        headers = {}
        if content_type is not None:
            conditions["ContentType"] = headers["content-type"] = content_type
        if size_bytes is not None:
            conditions["ContentLength"], headers["content-length"] = size_bytes, str(size_bytes)
        if checksum is not None:
            conditions[_CHECKSUMS[checksum.algorithm]] = checksum.value
            headers[f"x-amz-checksum-{checksum.algorithm}"] = checksum.value
        if conditions:
            conditions["IfNoneMatch"] = headers["if-none-match"] = "*"
        return await self._signed("PUT", "put_object", key, conditions, headers=headers, expires_in=expires_in)

    async def sign_form(self, key: str, *, content_type: str, max_bytes: int, expires_in: timedelta) -> SignedForm:
        """Sign a form; see ``Uploads``."""
        expires_at = self._clock() + expires_in
        url, fields = await self._client.presign_form(
            self._bucket,
            key,
            # Of the answer to 201 clients read where the object is; with 204 there is none.
            fields={"Content-Type": content_type, "success_action_status": "201"},
            conditions=[["content-length-range", 1, max_bytes]],
            expires_in=expires_in,
        )
        return SignedForm(url=url, fields=fields, expires_at=expires_at)

    async def begin(self, key: str, *, content_type: str, whole: Algorithm | None = None) -> str:
        """Begin an upload in parts; see ``Uploads``."""
        checked = {} if whole is None else {"ChecksumAlgorithm": whole.upper(), "ChecksumType": "FULL_OBJECT"}
        answer = await self._client.call(
            "create_multipart_upload", **self._at(key), ContentType=content_type, **checked
        )
        return str(answer["UploadId"])

    async def sign_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int | None, expires_in: timedelta
    ) -> SignedUrl:
        """Sign the sending of one part; see ``Uploads``."""
        parameters: dict[str, Any] = {"UploadId": upload_id, "PartNumber": number}
        headers = {}
        if size_bytes is not None:
            parameters["ContentLength"], headers["content-length"] = size_bytes, str(size_bytes)
        return await self._signed("PUT", "upload_part", key, parameters, headers=headers, expires_in=expires_in)

    async def parts(self, key: str, upload_id: str) -> tuple[Part, ...]:
        """Return all parts that are there; see ``Uploads``."""
        found: list[Part] = []
        page: dict[str, Any] = {**self._at(key), "UploadId": upload_id, "MaxParts": PAGE}
        while True:
            answer = await self._client.call("list_parts", **page)
            found += [
                Part(number=item["PartNumber"], etag=item["ETag"].strip('"'), size_bytes=item["Size"])
                for item in answer.get("Parts", ())
            ]
            if not answer.get("IsTruncated"):
                return tuple(found)
            page["PartNumberMarker"] = answer["NextPartNumberMarker"]

    async def complete(self, key: str, upload_id: str, parts: Sequence[Part], *, crc64nvme: str | None = None) -> str:
        """Make one object of the parts; see ``Uploads``."""
        whole = {} if crc64nvme is None else {"ChecksumCRC64NVME": crc64nvme, "ChecksumType": "FULL_OBJECT"}
        answer = await self._slow.call(
            "complete_multipart_upload",
            **self._at(key),
            UploadId=upload_id,
            MultipartUpload={"Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]},
            MpuObjectSize=sum(part.size_bytes for part in parts),
            IfNoneMatch="*",
            **whole,
        )
        return str(answer["ETag"]).strip('"')

    async def abort(self, key: str, upload_id: str) -> None:
        """Give up an upload; see ``Uploads``."""
        try:
            await self._client.call("abort_multipart_upload", **self._at(key), UploadId=upload_id)
        except NotFound:
            return

    async def sign_call(
        self, key: str, call: Call, *, upload_id: str = "", content_type: str | None = None, expires_in: timedelta
    ) -> SignedUrl:
        """Sign a call for a client that speaks to S3 itself; see ``Uploads``."""
        parameters = {} if call is Call.BEGIN else {"UploadId": upload_id}
        headers = {}
        if call is Call.BEGIN and content_type is not None:
            parameters["ContentType"] = headers["content-type"] = content_type
        if call is Call.COMPLETE:
            parameters["IfNoneMatch"] = headers["if-none-match"] = "*"
        return await self._signed(
            _METHODS[call], _OPERATIONS[call], key, parameters, headers=headers, expires_in=expires_in
        )

    async def _signed(
        self,
        method: str,
        operation: str,
        key: str,
        parameters: dict[str, Any],
        *,
        headers: dict[str, str],
        expires_in: timedelta,
    ) -> SignedUrl:
        # Before the signature is made, so that what is promised lies within it.
        expires_at = self._clock() + expires_in
        url = await self._client.presign(operation, {**self._at(key), **parameters}, expires_in=expires_in)
        return SignedUrl(method=method, url=url, headers=headers, expires_at=expires_at)

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key}
