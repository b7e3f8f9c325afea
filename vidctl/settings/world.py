"""Settings of the world and of the reconciler: where the state is, how tasks are launched, how hard to try."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from vidctl.fields import Seconds, SomeWords, TaskSize, Words
from vidctl.settings.declared import HOUR, MINUTE, config, duration


class WorldSettings(BaseSettings):
    """Where the state is: buckets, queues and cluster."""

    model_config = config("VIDCTL_")

    raw_bucket: str = Field(description="Bucket that clients upload to.")
    final_bucket: str = Field(description="Bucket of outputs, manifests and control records.")
    raw_queue_url: str = Field(description="Queue of the raw bucket's events.")
    dead_letter_queue_url: str = Field(description="Queue of what was given up, with the reason.")
    task_queue_url: str = Field(description="Queue of ECS task state changes.")
    cluster: str = Field(description="ECS cluster that the workers run on, by name or ARN.")


class AwsSettings(BaseSettings):
    """AWS's own variables, of which the SDK reads the rest: credentials, endpoints."""

    model_config = config("AWS_")

    region: str | None = Field(default=None, description="Region; default: AWS_DEFAULT_REGION, then the SDK's profile.")


class TaskSettings(BaseSettings):
    """How a worker task is launched."""

    model_config = config("VIDCTL_TASK_")

    definition: str = Field(default="vidctl-worker", description="Task definition of the worker: family or ARN.")
    container: str = Field(default="worker", description="Name of the worker's container in it.")
    subnets: SomeWords[str] = Field(description="Subnets of the tasks; all are offered to ECS, which picks.")
    security_groups: Words[str] = Field(default=(), description="Security groups of the tasks.")
    capacity_providers: Words[str] = Field(default=("FARGATE_SPOT", "FARGATE"), description="Tried in this order.")
    assign_public_ip: bool = Field(default=False, description="Needed only in subnets without a way to S3.")
    sizes: SomeWords[TaskSize] = Field(
        default=("2048/4096/30", "4096/8192/60", "8192/16384/200"),
        description="CPU units / MiB / GiB of storage, as Fargate has them, smallest first: the first that will do.",
    )


class ReconcilerSettings(BaseSettings):
    """How hard the reconciler works, and when it gives up."""

    model_config = config("VIDCTL_RECONCILER_")

    slots: int = Field(default=100, ge=1, description="Jobs that one replica keeps running at once.")
    slots_per_user: int | None = Field(
        default=None, ge=1, description="Of these, most for one user; default: all that nobody else waits for."
    )
    waiting_room: int = Field(default=100, ge=1, description="Jobs held beyond the slots; the rest stays in the queue.")
    passes: int = Field(default=16, ge=1, description="Passes at work at once.")
    launches_per_second: float = Field(default=5.0, gt=0, description="RunTask calls; an account gets 20 a second.")
    describes_per_second: float = Field(default=5.0, gt=0, description="Reads of ECS; an account gets 20 a second.")
    receivers: int = Field(default=2, ge=1, description="Long polls open at once on the raw queue.")
    receive_wait: Seconds = duration(10, "Long poll, at most 10: a shutdown waits for the open one.", most=10)
    visibility: Seconds = duration(60, "Time that a receipt holds a message, 10 to 300.", least=10, most=300)
    renew_after: Seconds = duration(36_000, "Hold after which a message is sent anew, at most 41400.", most=41_400)
    app_attempts: int = Field(default=3, ge=1, description="Attempts before a failure of the app is the input's fault.")
    infrastructure_attempts: int = Field(default=20, ge=1, description="Attempts lost to the infrastructure.")
    infrastructure_patience: Seconds = duration(24 * HOUR, "Least time of losing them before the job is given up.")
    backoff: Seconds = duration(10, "Wait after a failure, doubled each time.")
    backoff_cap: Seconds = duration(10 * MINUTE, "Longest such wait.")
    start_deadline: Seconds = duration(15 * MINUTE, "Time for a task to start.")
    run_deadline: Seconds = duration(13 * HOUR, "Time for an attempt; the worker's own limits should end it before.")
    settle: Seconds = duration(300, "Wait after RunTask's failures[], which may be wrong; at most 2400.", most=2400)
    poll: Seconds = duration(20, "Interval of looking at running tasks, at most 60.", most=60)
    sweep: Seconds = duration(5 * MINUTE, "Interval of looking for missed events, ± 50 %.")
    sweep_grace: Seconds = duration(2 * MINUTE, "Age of a raw object before it is swept up.")
    clean_after: Seconds = duration(24 * HOUR, "Age of abandoned outputs before removal.")
    raw_expiry: Seconds = duration(48 * HOUR, "The raw bucket's lifecycle rule.")
    keep_before_expiry: Seconds = duration(8 * HOUR, "Time before it at which unfinished raw objects are kept safe.")
    shutdown: Seconds = duration(25, "Time from SIGTERM to the exit, 15 to 110 (ECS: 120).", least=15, most=110)

    @model_validator(mode="after")
    def _kept_in_time(self) -> Self:
        if self.keep_before_expiry >= self.raw_expiry:
            raise ValueError("VIDCTL_RECONCILER_KEEP_BEFORE_EXPIRY must be less than VIDCTL_RECONCILER_RAW_EXPIRY")
        return self
