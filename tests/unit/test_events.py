from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.world.notifications import s3_event, s3_record, s3_test_event, task_event
from tests.world.objects import Created
from vidctl import codec, events, layout
from vidctl.errors import Malformed
from vidctl.model import JOB_VARIABLE, AttemptNumber, JobSpec, Redrive, Source, Task, Upload, VideoKey

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = VideoKey(user_id="alice.40example.2Eorg", video_id="0193b5a0-0000-8000-8000-000000000000")
UPLOAD = Upload(bucket="raw", key=KEY, etag="d41d8cd98f00b204e9800998ecf8427e", size_bytes=7)
ARN = "arn:aws:ecs:eu-central-1:123456789012:task/vidctl/0123456789abcdef0123456789abcdef"
JOB = JobSpec(
    key=KEY,
    job="a" * 26,
    number=AttemptNumber(1, 2),
    raw_bucket="raw",
    final_bucket="final",
    source=Source(key="videos/x.mp4", etag="e", size_bytes=7, last_modified=AT, upload_etag="e"),
)


CREATED = Created(
    bucket="raw",
    key=layout.raw_key(KEY),
    etag=UPLOAD.etag,
    size_bytes=7,
    event_name="ObjectCreated:Put",
    at=AT,
    sequencer="0055AED6DCD90281E5",
    version_id="v1",
)


def created(**changes: Any) -> Created:
    return replace(CREATED, **changes)


# --- S3 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_every_way_of_creating_an_object_is_an_upload(name: str) -> None:
    (record,) = events.event_records(s3_event(created(event_name=f"ObjectCreated:{name}")))
    assert events.parse_upload(record, bucket="raw") == UPLOAD


def test_one_message_may_carry_several_records() -> None:
    records = events.event_records(s3_event(created(etag="1"), created(etag="2")))
    assert [events.parse_upload(record, bucket="raw").etag for record in records] == ["1", "2"]


def test_the_key_is_form_encoded() -> None:
    user = layout.user_segment("ä b+c/../%2F")
    key = VideoKey(user_id=user, video_id=KEY.video_id)
    assert events.parse_upload(s3_record(created(key=layout.raw_key(key))), bucket="raw").key == key
    record = s3_record(created())
    record["s3"]["object"]["key"] = layout.raw_key(KEY).replace("/", "%2F").replace("-", "%2D")
    assert events.parse_upload(record, bucket="raw").key == KEY


def test_a_quoted_etag_reads_like_a_plain_one() -> None:
    assert events.parse_upload(s3_record(created(etag=f'"{UPLOAD.etag}"')), bucket="raw") == UPLOAD


def test_a_test_event_is_told_from_everything_else() -> None:
    assert events.is_test_event(s3_test_event("raw", AT))
    assert not events.is_test_event(s3_event(created()))
    assert not events.is_test_event("not json")
    assert not events.is_test_event('["s3:TestEvent"]')


def test_a_removal_is_refused_as_what_it_is_and_not_for_its_lack_of_an_etag() -> None:
    record = s3_record(created())
    del record["s3"]["object"]["eTag"]
    with pytest.raises(Malformed, match="does not create an object"):
        events.parse_upload({**record, "eventName": "ObjectRemoved:Delete"}, bucket="raw")


@pytest.mark.parametrize(
    "body",
    ["", "not json", "[]", "null", "{}", '{"Records": []}', '{"Records": {}}', '{"Records": [1]}', "[" * 100_000],
)
def test_a_body_that_is_no_event_says_what_is_missing(body: str) -> None:
    with pytest.raises(Malformed, match=r"^(body|Records): "):
        events.event_records(body)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_name": "ObjectRemoved:DeleteMarkerCreated"}, "eventName"),
        ({"event_name": "ObjectRestore:Completed"}, "eventName"),
        ({"bucket": "final"}, "bucket"),
        ({"key": "kept/alice/x.mp4"}, "key"),
        ({"key": "videos/../jobs/0193b5a0-0000-8000-8000-000000000000.mp4"}, "key"),
        ({"etag": ""}, "s3.object.eTag"),
        ({"size_bytes": -1}, "s3.object.size"),
    ],
)
def test_a_record_that_is_no_upload_names_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed, match=f"^{field}: "):
        events.parse_upload(s3_record(created(**change)), bucket="raw")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["eventName", "s3", "bucket", "object", "key", "eTag", "size", "name"]), inner
            )
        ),
    )
)
def test_rubbish_is_malformed_and_nothing_worse(rubbish: Any) -> None:
    record = rubbish if isinstance(rubbish, dict) else {"s3": rubbish}
    with pytest.raises(Malformed):
        events.parse_upload(record, bucket="raw")


def test_an_upload_that_is_written_reads_back() -> None:
    (record,) = events.event_records(events.write_upload(UPLOAD, layout.raw_key(KEY)))
    assert events.parse_upload(record, bucket="raw") == UPLOAD


def test_a_redrive_survives_its_attributes() -> None:
    redrive = Redrive(job="a" * 26, round=3)
    assert events.parse_redrive(events.redrive_attributes(redrive)) == redrive


def test_other_messages_are_no_redrives() -> None:
    assert events.parse_redrive({}) is None
    assert events.parse_redrive({events.JOB_ATTRIBUTE: "a"}) is None


@pytest.mark.parametrize("number", ["", "-1", "1.0", " 1", "1\n", "٣", "²", "1000000", "9" * 5000])
def test_a_redrive_whose_round_is_none_is_malformed(number: str) -> None:
    with pytest.raises(Malformed, match=f"^{events.ROUND_ATTRIBUTE}: .{{0,80}}$"):
        events.parse_redrive({events.JOB_ATTRIBUTE: "a", events.ROUND_ATTRIBUTE: number})


# --- ECS ----------------------------------------------------------------------------------------------------------


def detail(**changes: Any) -> dict[str, Any]:
    environment = [{"name": "LANG", "value": "C"}, {"name": JOB_VARIABLE, "value": codec.encode(JOB).decode()}]
    running = {
        "taskArn": ARN,
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "createdAt": "2026-11-22T12:00:00.123Z",
        "startedAt": "2026-11-22T13:00:30+01:00",
        "containers": [{"name": "log-router", "exitCode": 0}, {"name": "worker", "lastStatus": "RUNNING"}],
        "overrides": {"containerOverrides": [{"name": "log-router"}, {"name": "worker", "environment": environment}]},
        "version": 3,
        "unknownToUs": {"x": 1},
    }
    return running | changes


def test_a_running_task_is_read() -> None:
    assert events.parse_task(detail(), seen_at=AT) == Task(
        arn=ARN,
        status="RUNNING",
        created_at=datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC),
        started_at=datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC),
        seen_at=AT,
        spec=JOB,
    )


def test_times_of_the_sdk_and_of_eventbridge_read_alike() -> None:
    sdk = detail(createdAt=datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC))
    assert events.parse_task(sdk, seen_at=AT) == events.parse_task(detail(), seen_at=AT)


def test_the_exit_code_is_that_of_the_container_with_the_job() -> None:
    containers = [{"name": "log-router", "exitCode": 1}, {"name": "worker", "exitCode": 137, "reason": "OutOfMemory"}]
    ended = detail(
        lastStatus="STOPPED",
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
        containers=containers,
    )
    task = events.parse_task(ended, seen_at=AT)
    assert (task.exit_code, task.container_reason, task.alive) == (137, "OutOfMemory", False)
    assert (task.stop_code, task.stopped_reason) == ("EssentialContainerExited", "Essential container in task exited")


def test_a_task_that_failed_to_start_has_no_container() -> None:
    task = events.parse_task(detail(lastStatus="STOPPED", stopCode="TaskFailedToStart", containers=[]), seen_at=AT)
    assert (task.stop_code, task.exit_code, task.container_reason) == ("TaskFailedToStart", None, "")


def test_a_repeated_launch_says_arn_and_status_only() -> None:
    task = events.parse_task({"taskArn": ARN, "lastStatus": "STOPPED"}, seen_at=AT)
    assert task == Task(arn=ARN, status="STOPPED", created_at=None, seen_at=AT)


@pytest.mark.parametrize("value", ["", "not json", '{"v": 99, "kind": "job"}', "{}"])
def test_a_job_that_this_version_cannot_read_is_somebody_elses(value: str) -> None:
    overrides = {"containerOverrides": [{"name": "worker", "environment": [{"name": JOB_VARIABLE, "value": value}]}]}
    task = events.parse_task(detail(overrides=overrides), seen_at=AT)
    assert (task.arn, task.spec) == (ARN, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"taskArn": ""}, "taskArn"),
        ({"lastStatus": None}, "lastStatus"),
        ({"createdAt": "soon"}, "createdAt"),
        ({"createdAt": "2026-11-22T12:00:00"}, "createdAt"),
        ({"createdAt": "0001-01-01T00:00:00+05:00"}, "createdAt"),
        ({"startedAt": "9999-12-31T23:59:59-05:00"}, "startedAt"),
    ],
)
def test_a_task_that_is_none_names_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed, match=f"^{field}: "):
        events.parse_task(detail(**change), seen_at=AT)


def test_a_state_change_is_the_task_at_the_time_of_the_event() -> None:
    assert events.parse_task_event(task_event(detail(), AT)) == events.parse_task(detail(), seen_at=AT)


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        "{}",
        json.dumps(
            {"detail-type": "ECS Container Instance State Change", "time": "2026-11-22T12:00:00Z", "detail": {}}
        ),
        json.dumps({"detail-type": "ECS Task State Change", "time": "2026-11-22T12:00:00Z", "detail": {}}),
        json.dumps({"detail-type": "ECS Task State Change", "detail": {"taskArn": ARN, "lastStatus": "RUNNING"}}),
        json.dumps(
            {
                "detail-type": "ECS Task State Change",
                "time": "0001-01-01T00:00:00+05:00",
                "detail": {"taskArn": ARN, "lastStatus": "RUNNING"},
            }
        ),
    ],
)
def test_another_event_is_malformed(body: str) -> None:
    with pytest.raises(Malformed):
        events.parse_task_event(body)
