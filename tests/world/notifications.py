"""What AWS writes to queues by itself, in AWS's own shape: S3 object events and ECS task state changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from tests.world.objects import Created
from tests.world.queue import MemoryQueue

REGION = "eu-central-1"
ACCOUNT = "123456789012"


def s3_record(created: Created) -> dict[str, Any]:
    """Write one record of an S3 event (AWS: event message structure 2.1); the key is form-encoded."""
    version = {} if created.version_id is None else {"versionId": created.version_id}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": _written(created.at),
        "eventName": created.event_name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "uploads",
            "bucket": {"name": created.bucket, "arn": f"arn:aws:s3:::{created.bucket}"},
            "object": {
                "key": quote_plus(created.key, safe="/"),
                "size": created.size_bytes,
                "eTag": created.etag,
                "sequencer": created.sequencer,
                **version,
            },
        },
    }


def s3_event(*created: Created) -> str:
    """Write the body of an S3 event message."""
    return json.dumps({"Records": [s3_record(each) for each in created]})


def s3_test_event(bucket: str, at: datetime) -> str:
    """Write what S3 sends when a notification is configured."""
    return json.dumps(
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": _written(at), "Bucket": bucket, "RequestId": "1"}
    )


def notification(queue: MemoryQueue, *, prefix: str = "videos/", suffix: str = ".mp4") -> Callable[[Created], None]:
    """Return the notification of a bucket: its ``on_created`` that puts matching events on ``queue``."""

    def notify(created: Created) -> None:
        if created.key.startswith(prefix) and created.key.endswith(suffix):
            queue.put(s3_event(created))

    return notify


def task_event(detail: dict[str, Any], at: datetime) -> str:
    """Write EventBridge's envelope of a task state change."""
    return json.dumps(
        {
            "version": "0",
            "id": f"{detail['taskArn']}@{detail.get('version', 0)}",
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "account": ACCOUNT,
            "time": _written(at),
            "region": REGION,
            "resources": [detail["taskArn"]],
            "detail": detail,
        }
    )


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
