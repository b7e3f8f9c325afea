"""What other services write to the queues, as values: S3 object events, ECS task state changes, our own envelopes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote_plus, unquote_plus

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, ValidationError

from vidctl import codec
from vidctl.errors import Malformed
from vidctl.layout import parse_raw_key
from vidctl.model import JOB_VARIABLE, JobSpec, Redrive, Task, Upload

JOB_ATTRIBUTE = "vidctl.job"
ROUND_ATTRIBUTE = "vidctl.round"

_ROUND = re.compile("[0-9]{1,6}")


# --- S3 -----------------------------------------------------------------------------------------------------------


class _Bucket(BaseModel):
    name: str


class _Object(BaseModel):
    key: str
    etag: Annotated[str, Field(alias="eTag", min_length=1)]
    size: Annotated[int, Field(ge=0)] = 0


class _S3(BaseModel):
    bucket: _Bucket
    object: _Object


class _S3Record(BaseModel):
    event_name: Annotated[str, Field(alias="eventName")]
    s3: _S3


def is_test_event(body: str) -> bool:
    """Whether S3 wrote this to check the queue (AWS: ``s3:TestEvent``, sent when a notification is configured)."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("Event") == "s3:TestEvent"


def event_records(body: str) -> tuple[dict[str, Any], ...]:
    """Return the records of an S3 event, not yet read: one message may carry several.

    Raises:
        Malformed: the body is no S3 event.

    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"body: not JSON ({error})") from error
    records = data.get("Records") if isinstance(data, dict) else None
    if not isinstance(records, list) or not records or not all(isinstance(record, dict) for record in records):
        raise Malformed("Records: must be a list with at least one S3 event record")
    return tuple(records)


def parse_upload(record: dict[str, Any], *, bucket: str) -> Upload:
    """Read one record of an S3 event as an upload to ``bucket``.

    S3 form-encodes the key (``+`` for a space) and writes the ETag without quotes.

    Raises:
        Malformed: not the creation of an object, another bucket, or a key outside the scheme.

    """
    # First, since the event of a removal has no ETag, and that would be named as what is wrong with it.
    name = record.get("eventName")
    if isinstance(name, str) and not name.startswith("ObjectCreated:"):
        raise Malformed(f"eventName: {name!r} does not create an object")
    try:
        event = _S3Record.model_validate(record)
    except ValidationError as error:
        raise Malformed(_fault(error)) from error
    if event.s3.bucket.name != bucket:
        raise Malformed(f"bucket: {event.s3.bucket.name!r} is not {bucket!r}")
    key = parse_raw_key(unquote_plus(event.s3.object.key))
    return Upload(bucket=bucket, key=key, etag=event.s3.object.etag.strip('"'), size_bytes=event.s3.object.size)


def write_event(records: tuple[dict[str, Any], ...]) -> str:
    """Write the body of an S3 event of these records."""
    return json.dumps({"Records": list(records)})


def write_upload(upload: Upload, raw_key: str) -> str:
    """Write an upload as S3 would, for a dead letter that answers no message: a redrive then reads as any event."""
    written = {"key": quote_plus(raw_key, safe="/"), "eTag": upload.etag, "size": upload.size_bytes}
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": upload.bucket}, "object": written}}
    return write_event((record,))


def redrive_attributes(redrive: Redrive) -> dict[str, str]:
    """Return the message attributes by which a dead letter, sent back, asks for the next round."""
    return {JOB_ATTRIBUTE: redrive.job, ROUND_ATTRIBUTE: str(redrive.round)}


def parse_redrive(attributes: dict[str, str]) -> Redrive | None:
    """Read the attributes of a message that was a dead letter; None for any other message.

    Raises:
        Malformed: the round is no number, or one that nobody reached.

    """
    job, number = attributes.get(JOB_ATTRIBUTE), attributes.get(ROUND_ATTRIBUTE)
    if job is None or number is None:
        return None
    if not _ROUND.fullmatch(number):
        raise Malformed(f"{ROUND_ATTRIBUTE}: {number[:20]!r} is not a number of at most six digits")
    return Redrive(job=job, round=int(number))


# --- ECS ----------------------------------------------------------------------------------------------------------


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is not in the years 1 to 9999 of UTC") from error


_Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class _Variable(BaseModel):
    name: str
    value: str = ""


class _ContainerOverride(BaseModel):
    name: str = ""
    environment: tuple[_Variable, ...] = ()


class _Overrides(BaseModel):
    containers: Annotated[tuple[_ContainerOverride, ...], Field(alias="containerOverrides")] = ()


class _Container(BaseModel):
    name: str = ""
    exit_code: Annotated[int | None, Field(alias="exitCode")] = None
    reason: str = ""


class _TaskDetail(BaseModel):
    """A task as ECS writes it; RunTask, repeated for a stopped task, says its ARN and status only."""

    arn: Annotated[str, Field(alias="taskArn", min_length=1)]
    status: Annotated[str, Field(alias="lastStatus", min_length=1)]
    created_at: Annotated[_Time | None, Field(alias="createdAt")] = None
    started_at: Annotated[_Time | None, Field(alias="startedAt")] = None
    stop_code: Annotated[str | None, Field(alias="stopCode")] = None
    stopped_reason: Annotated[str, Field(alias="stoppedReason")] = ""
    # Empty for a task that failed to start.
    containers: tuple[_Container, ...] = ()
    overrides: _Overrides = _Overrides()

    def job(self) -> tuple[str, JobSpec | None]:
        """Return the container that was given a job, and the job."""
        for container in self.overrides.containers:
            for variable in container.environment:
                if variable.name == JOB_VARIABLE:
                    return container.name, _job(variable.value)
        return "", None


class _TaskEvent(BaseModel):
    detail_type: Annotated[str, Field(alias="detail-type", pattern="^ECS Task State Change$")]
    time: _Time
    detail: dict[str, Any]


def parse_task(detail: dict[str, Any], *, seen_at: datetime) -> Task:
    """Read a task as DescribeTasks, RunTask or EventBridge write it.

    A job that this version cannot read is like none: such a task is somebody else's.

    Raises:
        Malformed: it has no ARN or status, or a field of another type.

    """
    try:
        task = _TaskDetail.model_validate(detail)
    except ValidationError as error:
        raise Malformed(_fault(error)) from error
    name, spec = task.job()
    # A task may have other containers beside the worker's: a log router, a proxy.
    worker = next((c for c in task.containers if c.name == name), next(iter(task.containers), _Container()))
    return Task(
        arn=task.arn,
        status=task.status,
        created_at=task.created_at,
        seen_at=seen_at,
        spec=spec,
        started_at=task.started_at,
        stop_code=task.stop_code,
        stopped_reason=task.stopped_reason,
        container_reason=worker.reason,
        exit_code=worker.exit_code,
    )


def parse_task_event(body: str) -> Task:
    """Read EventBridge's "ECS Task State Change" (at least once, unordered) as the task at the event's time: a hint.

    Raises:
        Malformed: the body is no such event.

    """
    try:
        event = _TaskEvent.model_validate_json(body)
    except ValidationError as error:
        raise Malformed(_fault(error)) from error
    return parse_task(event.detail, seen_at=event.time)


def _job(text: str) -> JobSpec | None:
    try:
        return codec.decode(JobSpec, text)
    except Malformed:
        return None


def _fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
