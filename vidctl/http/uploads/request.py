"""What may be uploaded, and what a request for it that says it wrongly is told."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vidctl.errors import VidctlError
from vidctl.parts import MOST_PART_BYTES
from vidctl.settings import UploadSettings
from vidctl.uploads import Algorithm, Checksum


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one field of a request, and what would be right."""

    field: str
    detail: str
    fix: str


class NotJson(VidctlError):
    """The body cannot be read at all."""

    code = "not_json"


class InvalidRequest(VidctlError):
    """Fields of the body do not say what they must; ``faults`` has one entry for each."""

    code = "invalid_request"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Keep the faults."""
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """An upload that is allowed. ``size_bytes`` is None where the client does not know it, or does not say.

    ``multipart``: whether it is to go in parts; None leaves it to us.
    """

    filename: str
    content_type: str
    size_bytes: int | None = None
    multipart: bool | None = None
    checksum: Checksum | None = None

    @property
    def crc64nvme(self) -> str | None:
        """The checksum of the whole, where it is of the one kind that S3 makes of a whole that comes in parts."""
        given = self.checksum
        return given.value if given is not None and given.algorithm is Algorithm.CRC64NVME else None


# --- the body -----------------------------------------------------------------------------------------------------


def _whole(value: Any) -> Any:
    """Read a number as JSON Schema does: 3.0 is an integer, true and "3" are none."""
    if isinstance(value, bool):
        return "a boolean"
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: str
    size: Annotated[int, BeforeValidator(_whole)]
    multipart: bool | None = None
    checksum: dict[str, Any] | None = None


def parse_upload_request(body: bytes, settings: UploadSettings) -> UploadRequest:
    """Read and check the body of an upload request.

    The file's name only has to have an accepted suffix: it is part of no key, and kept for people to read.

    Raises:
        NotJson, InvalidRequest: with every faulty field.

    """
    fixes = _fixes(settings)
    data = json_object(body, fix=fixes["body"])
    try:
        fields = _Body.model_validate(data)
    except ValidationError as error:
        raise InvalidRequest(tuple(_faults(error, fixes))) from error
    wrong = {
        "filename": _filename_fault(fields.filename, settings),
        "content_type": _content_type_fault(fields.content_type, settings),
        "size": _size_fault(fields.size, settings.max_bytes),
        "multipart": _multipart_fault(fields),
        "checksum": _checksum_fault(fields, settings),
    }
    faults = [Fault(field=name, detail=detail, fix=fixes[name]) for name, detail in wrong.items() if detail]
    if faults:
        raise InvalidRequest(tuple(faults))
    return UploadRequest(
        filename=fields.filename,
        content_type=fields.content_type.lower(),
        size_bytes=fields.size,
        multipart=fields.multipart,
        checksum=_checksum(fields.checksum),
    )


def json_object(body: bytes, *, fix: str) -> dict[str, Any]:
    """Read the body of a request.

    Raises:
        NotJson, InvalidRequest: it is no JSON object.

    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotJson("The body is not JSON.") from error
    if not isinstance(data, dict):
        raise InvalidRequest((Fault(field="body", detail="must be a JSON object", fix=fix),))
    return data


def parse_file(filename: str, content_type: str, size: int | None, settings: UploadSettings) -> UploadRequest:
    """Check what a client like Uppy says of a file; ``size`` None: it does not say.

    Raises:
        InvalidRequest: with every faulty field.

    """
    wrong = {
        "filename": _filename_fault(filename, settings),
        "type": _content_type_fault(content_type, settings),
        "size": None if size is None else _size_fault(size, settings.max_bytes),
    }
    fixes = _fixes(settings)
    faults = tuple(
        Fault(field=name, detail=detail, fix=fixes["content_type" if name == "type" else name])
        for name, detail in wrong.items()
        if detail
    )
    if faults:
        raise InvalidRequest(faults)
    return UploadRequest(filename=filename, content_type=content_type.lower(), size_bytes=size)


def _fixes(settings: UploadSettings) -> dict[str, str]:
    suffixes, types = " or ".join(settings.suffixes), " or ".join(settings.content_types)
    return {
        "body": '{"filename": "clip.mp4", "content_type": "video/mp4", "size": 1234567}',
        "filename": f"the file's name without folders, at most 255 characters, ending in {suffixes}",
        "content_type": f"{types}, as the upload will be sent",
        "size": f"the file's exact size in bytes, a whole number from 1 to {settings.max_bytes}",
        "multipart": f"true, or leave it out; false only up to {MOST_PART_BYTES} bytes",
        "checksum": 'as in {"algorithm": "crc64nvme", "value": "rosUhgp5mYg="}; sha256 only for a single PUT',
    }


def _faults(error: ValidationError, fixes: dict[str, str]) -> list[Fault]:
    found = {}
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(fault["loc"][0])
        detail = "is missing" if fault["type"] == "missing" else fault["msg"][:1].lower() + fault["msg"][1:]
        found[name] = Fault(field=name, detail=detail, fix=fixes[name])
    return list(found.values())


def _filename_fault(filename: str, settings: UploadSettings) -> str | None:
    if not 1 <= len(filename) <= 255:  # noqa: PLR2004 - what file systems take
        return "must have 1 to 255 characters"
    if re.search(r"[/\\\x00-\x1f\x7f]", filename):
        return "must not contain a slash, a backslash or a control character"
    if re.search(r"[\ud800-\udfff]", filename):
        return "must be Unicode: half a pair of surrogates is no character"
    suffix = PurePosixPath(filename).suffix.lower()
    accepted = {word.lower() for word in settings.suffixes}
    return None if suffix in accepted else f"has the suffix {suffix!r}" if suffix else "has no suffix"


def _content_type_fault(content_type: str, settings: UploadSettings) -> str | None:
    accepted = {word.lower() for word in settings.content_types}
    return None if content_type.lower() in accepted else "is not accepted"


def _size_fault(size: int, max_bytes: int) -> str | None:
    if size < 1:
        return "must be at least 1"
    return None if size <= max_bytes else f"must be at most {max_bytes}"


def _multipart_fault(fields: _Body) -> str | None:
    return (
        "must not be false for so large a file" if fields.multipart is False and fields.size > MOST_PART_BYTES else None
    )


def in_parts(wanted: UploadRequest, settings: UploadSettings) -> bool:
    """Whether an upload goes in parts."""
    return wanted.multipart if wanted.multipart is not None else (wanted.size_bytes or 0) > settings.multipart_above


def _checksum_fault(fields: _Body, settings: UploadSettings) -> str | None:
    given = fields.checksum
    if given is None:
        return None
    length = {"sha256": 32, "crc64nvme": 8}.get(str(given.get("algorithm")))
    if length is None:
        return "names no algorithm that is known"
    try:
        raw = base64.b64decode(str(given.get("value")), validate=True)
    except ValueError:
        raw = b""
    if len(raw) != length:
        return f"is not {length} bytes in base64"
    large = fields.multipart if fields.multipart is not None else fields.size > settings.multipart_above
    return "of a file that comes in parts must be a crc64nvme" if large and length != 8 else None  # noqa: PLR2004


def _checksum(given: dict[str, Any] | None) -> Checksum | None:
    return None if given is None else Checksum(algorithm=Algorithm(given["algorithm"]), value=given["value"])
