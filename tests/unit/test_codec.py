from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders as b
from vidctl import codec, layout
from vidctl.dispatch import Dispatch
from vidctl.errors import Malformed, UnknownVersion
from vidctl.model import AttemptNumber, FailureClass, JobSpec, Kind, VideoKey
from vidctl.progress import Progress
from vidctl.records import Cancel, Intent, Manifest, Outcome, Record, Result
from vidctl.tickets import Ticket, Way

KINDS: tuple[type[Any], ...] = (*get_args(Record), Manifest, Progress, JobSpec, Ticket, Dispatch)
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = VideoKey(user_id="alice", video_id="0193b5a0-0000-8000-8000-000000000000")
OUTCOME = Outcome(
    key=KEY, job="a" * 26, number=AttemptNumber(1, 2), at=AT, failure=FailureClass.APP, code="verify", detail="é"
)


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy of the values that a field so annotated can have."""
    scalars: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(st.characters(exclude_categories=["Cs"])),
        int: st.integers(0, 2**53),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
        datetime: st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
        FailureClass: st.sampled_from(FailureClass),
        Kind: st.sampled_from(Kind),
        Way: st.sampled_from(Way),
        NoneType: st.none(),
    }
    if hint in scalars:
        return scalars[hint]
    arguments = get_args(hint)
    if isinstance(hint, UnionType):
        return st.one_of(*map(of, arguments))
    if get_origin(hint) is dict:
        return st.dictionaries(of(arguments[0]), of(arguments[1]), max_size=3)
    if get_origin(hint) is tuple:
        endless = arguments[-1] is Ellipsis
        return st.lists(of(arguments[0]), max_size=3).map(tuple) if endless else st.tuples(*map(of, arguments))
    hints = get_type_hints(hint)
    return st.builds(hint, **{field.name: of(hints[field.name]) for field in fields(hint)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_what_is_written_reads_back(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(of(kind))
    assert codec.decode(kind, codec.encode(value)) == value
    assert codec.decode(kind, codec.encode(value).decode()) == value


@pytest.mark.parametrize("kind", get_args(Record), ids=lambda kind: kind.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_a_record_is_found_by_its_name(kind: type[Any], data: st.DataObject) -> None:
    record = data.draw(of(kind))
    job = {"job": "a" * 26} if any(field.name == "job" for field in fields(kind)) else {}
    record = type(record)(**{field.name: getattr(record, field.name) for field in fields(kind)} | {"key": KEY} | job)
    name = codec.record_name(record)
    assert layout.parse_record_key(layout.record_key(KEY, name)) == name
    assert codec.decode_record(name, codec.encode(record)) == record


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(codec.encode(OUTCOME)) | changes).encode()


def test_a_field_that_a_later_version_added_is_ignored() -> None:
    assert codec.decode(Outcome, changed(weather="fine")) == OUTCOME


def test_a_field_that_an_earlier_version_did_not_write_has_its_default() -> None:
    body = json.loads(codec.encode(OUTCOME))
    del body["detail"]
    assert codec.decode(Outcome, json.dumps(body)).detail == ""


def test_a_manifest_of_before_outputs_had_etags_and_folders_reads() -> None:
    body = json.loads(codec.encode(b.manifest()))
    for output in body["outputs"]:
        assert output.keys() == {"name", "key", "content_type", "size_bytes", "sha256", "etag"}
        del output["etag"]
    assert codec.decode(Manifest, json.dumps(body)) == b.manifest()


@pytest.mark.parametrize("version", [2, 0, None, "1", 1.5])
def test_an_unknown_version_is_not_guessed(version: object) -> None:
    with pytest.raises(UnknownVersion, match=r"^v: "):
        codec.decode(Outcome, changed(v=version))


def test_a_record_of_an_unknown_kind_is_of_an_unknown_version() -> None:
    with pytest.raises(UnknownVersion, match=r"^kind: "):
        codec.decode_record(layout.RecordName("omen", "a" * 26), codec.encode(OUTCOME))


def test_a_record_under_the_name_of_another_kind_is_malformed() -> None:
    with pytest.raises(Malformed, match=r"^kind: 'outcome' is not 'result'"):
        codec.decode(Result, codec.encode(OUTCOME))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": {"user_id": "alice"}}, "key.video_id"),
        ({"at": "yesterday"}, "at"),
        ({"failure": "bad luck"}, "failure"),
        ({"number": {"round": 1}}, "number.n"),
        ({"job": None}, "job"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed, match=f"^{field}: "):
        codec.decode(Outcome, changed(**changes))


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"null", b"\xff\xfe\xfa", b"[" * 100_000])
def test_a_body_that_is_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed, match=r"^body: "):
        codec.decode(Cancel, body)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_malformed(word: str) -> None:
    at = AT.isoformat()
    told = f'{{"v":1,"kind":"progress","number":{{"round":1,"n":1}},"at":"{at}","stage":"encode","ratio":{word}}}'
    with pytest.raises(Malformed, match=f"{word} is no number"):
        codec.decode(Progress, told)


def test_a_record_says_its_version_and_kind_first() -> None:
    assert list(json.loads(codec.encode(OUTCOME)))[:2] == ["v", "kind"]
    assert json.loads(codec.encode(OUTCOME))["kind"] == "outcome"


def test_numbers_are_in_the_name() -> None:
    assert codec.record_name(OUTCOME) == layout.RecordName("outcome", "a" * 26, 1, 2)
    assert codec.record_name(Cancel(key=KEY, at=AT)) == layout.RecordName("cancel", None)
    assert Intent in KINDS
