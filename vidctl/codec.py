"""Values to versioned JSON and back: control records, the manifest, tickets, claims, dispatches and the worker's job.

A record says its version (``v``) and kind. Unknown fields are ignored, so that a version can add some; an unknown
version is ``UnknownVersion``, so that in the middle of a deployment the older replica waits instead of guessing.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from vidctl.dispatch import Dispatch
from vidctl.errors import Malformed, UnknownVersion
from vidctl.layout import RecordName
from vidctl.model import JobSpec
from vidctl.progress import Progress
from vidctl.records import (
    Cancel,
    Dead,
    DeadLetterSent,
    Intent,
    Kept,
    Manifest,
    Notice,
    NoticePosted,
    Outcome,
    Record,
    Result,
    Round,
)
from vidctl.tickets import Claim, Ticket

VERSION = 1

_KINDS: dict[type[Any], str] = {
    Intent: "intent",
    Result: "result",
    Outcome: "outcome",
    Dead: "dead",
    DeadLetterSent: "dead-letter",
    Round: "round",
    Kept: "kept",
    Cancel: "cancel",
    Notice: "notice",
    NoticePosted: "notice-posted",
    Dispatch: "dispatch",
    Manifest: "manifest",
    Progress: "progress",
    JobSpec: "job",
    Ticket: "ticket",
    Claim: "claim",
}
_ADAPTERS = {type_: TypeAdapter[Any](type_) for type_ in _KINDS}
_TYPES = {kind: type_ for type_, kind in _KINDS.items()}

Value = Record | Manifest | Progress | JobSpec | Ticket | Claim | Dispatch
T = TypeVar("T", bound=Value)


def encode(value: Value) -> bytes:
    """Write a value as one JSON object with its version and kind."""
    body = _adapter(type(value)).dump_python(value, mode="json")
    return json.dumps({"v": VERSION, "kind": _KINDS[type(value)], **body}, ensure_ascii=False).encode()


def decode(type_: type[T], body: bytes | str) -> T:
    """Read a value of ``type_``.

    Raises:
        UnknownVersion: a newer vidctl wrote it.
        Malformed: it is not such a value; the message names the field.

    """
    kind = _KINDS[type_]
    data = _json_object(body)
    if data.get("v") != VERSION:
        raise UnknownVersion(f"v: {data.get('v')!r} is not {VERSION}")
    if data.get("kind") != kind:
        raise Malformed(f"kind: {data.get('kind')!r} is not {kind!r}")
    try:
        value: T = _adapter(type_).validate_python(data)
    except ValidationError as error:
        raise Malformed(_first_fault(error)) from error
    return value


def decode_record(name: RecordName, body: bytes) -> Record:
    """Read the control record that stands under ``name``; raises as ``decode``."""
    type_ = _TYPES.get(name.kind)
    if type_ is None:
        raise UnknownVersion(f"kind: {name.kind!r} is not known")
    record: Record = decode(type_, body)
    return record


def record_name(record: Record) -> RecordName:
    """Return the name under which a record is written once."""
    kind = _KINDS[type(record)]
    match record:
        case Intent() | Result() | Outcome():
            return RecordName(kind, record.job, record.number.round, record.number.n)
        case Dead() | DeadLetterSent() | Round():
            return RecordName(kind, record.job, record.round)
        case Kept():
            return RecordName(kind, record.job)
        case Cancel():
            return RecordName(kind, None)
        case Notice() | NoticePosted():
            return RecordName(kind, None, record.n)


def _json_object(body: bytes | str) -> dict[str, Any]:
    try:
        data = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"body: not JSON ({error})") from error
    if not isinstance(data, dict):
        raise Malformed("body: not a JSON object")
    return data


def _no_number(word: str) -> float:
    """Refuse NaN and the infinities: JSON (RFC 8259) has none, and no client could read an answer that repeats them."""
    raise ValueError(f"{word} is no number")


def _adapter(type_: type[Any]) -> TypeAdapter[Any]:
    return _ADAPTERS[type_]


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
