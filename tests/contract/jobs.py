"""The job that the tasks of this suite are started for."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.contract.worlds import FAMILY
from vidctl import codec, layout
from vidctl.model import JOB_VARIABLE, AttemptNumber, JobSpec, Source, TaskSpec, VideoKey

KEY = VideoKey(user_id="alice", video_id="0193b5a0-0000-8000-8000-000000000000")
JOB = JobSpec(
    key=KEY,
    job="a" * 26,
    number=AttemptNumber(1, 1),
    raw_bucket="raw",
    final_bucket="final",
    source=Source(
        key=layout.raw_key(KEY), etag="e", size_bytes=1, last_modified=datetime(2026, 1, 1, tzinfo=UTC), upload_etag="e"
    ),
)
TOKEN = layout.launch_token(JOB.job, JOB.number)
SPEC = TaskSpec(
    task_definition=FAMILY,
    container="worker",
    cpu_units=1024,
    memory_mib=2048,
    ephemeral_gib=30,
    capacity_provider=None,
    subnets=("subnet-1",),
    security_groups=("sg-1",),
    assign_public_ip=False,
    environment=((JOB_VARIABLE, codec.encode(JOB).decode()),),
)
