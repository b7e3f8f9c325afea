"""Every setting of vidctl: the only reader of the environment.

Groups are loaded by the processes that need them. Each field says its default, its unit and why; the table in
``docs/settings.md`` is generated from here. Lists are separated by commas. AWS credentials and endpoints follow AWS's
own variables (``AWS_ENDPOINT_URL`` …), which the SDK reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vidctl.errors import InvalidSettings
from vidctl.fields import Algorithm, KeySetUrl, Scope, Seconds, SomeWords, Suffix, TaskSize, Words

S = TypeVar("S", bound="BaseSettings")

MINUTE, HOUR, YEAR = 60, 3600, 365 * 86_400


def _duration(default: float, description: str, *, least: float = 0, most: float = YEAR) -> Any:
    """Return a field of seconds. Beyond its bounds something would stop to work, if only the arithmetic of dates."""
    low, high = timedelta(seconds=least), timedelta(seconds=most)
    return Field(default=timedelta(seconds=default), ge=low, le=high, description=description)


def _config(prefix: str) -> SettingsConfigDict:
    return SettingsConfigDict(env_prefix=prefix, frozen=True, extra="ignore", env_ignore_empty=True)


class WorldSettings(BaseSettings):
    """Where the state is: buckets, queues and cluster."""

    model_config = _config("VIDCTL_")

    raw_bucket: str = Field(description="Bucket that clients upload to.")
    final_bucket: str = Field(description="Bucket of outputs, manifests and control records.")
    raw_queue_url: str = Field(description="Queue of the raw bucket's events.")
    dead_letter_queue_url: str = Field(description="Queue of what was given up, with the reason.")
    task_queue_url: str = Field(description="Queue of ECS task state changes.")
    cluster: str = Field(description="ECS cluster that the workers run on, by name or ARN.")


class AwsSettings(BaseSettings):
    """AWS's own variables, of which the SDK reads the rest: credentials, endpoints."""

    model_config = _config("AWS_")

    region: str | None = Field(default=None, description="Region; default: AWS_DEFAULT_REGION, then the SDK's profile.")


class TaskSettings(BaseSettings):
    """How a worker task is launched."""

    model_config = _config("VIDCTL_TASK_")

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

    model_config = _config("VIDCTL_RECONCILER_")

    slots: int = Field(default=100, ge=1, description="Jobs that one replica keeps running at once.")
    waiting_room: int = Field(default=100, ge=1, description="Jobs held beyond the slots; the rest stays in the queue.")
    passes: int = Field(default=16, ge=1, description="Passes at work at once.")
    launches_per_second: float = Field(default=5.0, gt=0, description="RunTask calls; an account gets 20 a second.")
    describes_per_second: float = Field(default=5.0, gt=0, description="Reads of ECS; an account gets 20 a second.")
    receivers: int = Field(default=2, ge=1, description="Long polls open at once on the raw queue.")
    receive_wait: Seconds = _duration(10, "Long poll, at most 10: a shutdown waits for the open one.", most=10)
    visibility: Seconds = _duration(60, "Time that a receipt holds a message, 10 to 300.", least=10, most=300)
    renew_after: Seconds = _duration(36_000, "Hold after which a message is sent anew, at most 41400.", most=41_400)
    app_attempts: int = Field(default=3, ge=1, description="Attempts before a failure of the app is the input's fault.")
    infrastructure_attempts: int = Field(default=20, ge=1, description="Attempts lost to the infrastructure.")
    infrastructure_patience: Seconds = _duration(24 * HOUR, "Least time of losing them before the job is given up.")
    backoff: Seconds = _duration(10, "Wait after a failure, doubled each time.")
    backoff_cap: Seconds = _duration(10 * MINUTE, "Longest such wait.")
    start_deadline: Seconds = _duration(15 * MINUTE, "Time for a task to start.")
    run_deadline: Seconds = _duration(13 * HOUR, "Time for an attempt; the worker's own limits should end it before.")
    settle: Seconds = _duration(300, "Wait after RunTask's failures[], which may be wrong; at most 2400.", most=2400)
    poll: Seconds = _duration(20, "Interval of looking at running tasks, at most 60.", most=60)
    sweep: Seconds = _duration(5 * MINUTE, "Interval of looking for missed events, ± 50 %.")
    sweep_grace: Seconds = _duration(2 * MINUTE, "Age of a raw object before it is swept up.")
    clean_after: Seconds = _duration(24 * HOUR, "Age of abandoned outputs before removal.")
    raw_expiry: Seconds = _duration(48 * HOUR, "The raw bucket's lifecycle rule.")
    keep_before_expiry: Seconds = _duration(8 * HOUR, "Time before it at which unfinished raw objects are kept safe.")
    shutdown: Seconds = _duration(25, "Time from SIGTERM to the exit, 15 to 110 (ECS: 120).", least=15, most=110)

    @model_validator(mode="after")
    def _kept_in_time(self) -> Self:
        if self.keep_before_expiry >= self.raw_expiry:
            raise ValueError("VIDCTL_RECONCILER_KEEP_BEFORE_EXPIRY must be less than VIDCTL_RECONCILER_RAW_EXPIRY")
        return self


class UploadSettings(BaseSettings):
    """What may be uploaded."""

    model_config = _config("VIDCTL_UPLOAD_")

    expiry: Seconds = _duration(15 * MINUTE, "Life of a signed upload URL, 300 to 900.", least=300, most=900)
    max_bytes: int = Field(default=5 * 1024**3, ge=1, le=5 * 1024**3, description="Largest upload (S3: 5 GiB a PUT).")
    suffixes: SomeWords[Suffix] = Field(default=(".mp4",), description="Accepted suffixes of file names, with the dot.")
    content_types: SomeWords[str] = Field(default=("video/mp4",), description="Accepted content types.")


class AuthSettings(BaseSettings):
    """Whose tokens are accepted. Exactly one of secret, public key and JWKS URL says how they are checked."""

    model_config = _config("VIDCTL_AUTH_")

    secret: SecretStr | None = Field(default=None, min_length=32, description="HS256 secret, at least 32 bytes.")
    public_key: str | None = Field(default=None, description="RS256 or ES256 public key, PEM.")
    jwks_url: KeySetUrl | None = Field(default=None, description="Issuer's key set: https, or http to this machine.")
    algorithms: Words[Algorithm] = Field(default=(), description="Accepted; default HS256, or RS256 and ES256.")
    issuer: str | None = Field(default=None, description="Required `iss`.")
    audience: str | None = Field(default=None, description="Required `aud`.")
    required_claims: Words[str] = Field(default=("exp", "sub"), description="Claims that a token must have.")
    upload_scope: Scope | None = Field(default=None, description="Word in `scope` or `scp` to upload; default: none.")
    read_scope: Scope | None = Field(default=None, description="Word in it to see one's videos; default: none.")
    delete_scope: Scope | None = Field(default=None, description="Word in it to delete them; default: none.")
    admin_scope: Scope | None = Field(
        default=None, description="Word in it to do the same, with `?user=`, to anybody's; default: nobody may."
    )
    leeway: Seconds = _duration(30, "Tolerated difference of clocks.")
    jwks_lifetime: Seconds = _duration(5 * MINUTE, "Age at which the key set is read again.")
    jwks_cooldown: Seconds = _duration(5, "Least time between two reads of it.")

    @model_validator(mode="after")
    def _one_way_of_checking(self) -> Self:
        given = [name for name in ("secret", "public_key", "jwks_url") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"set exactly one of VIDCTL_AUTH_SECRET, _PUBLIC_KEY, _JWKS_URL (given: {given or None})")
        symmetric = {"HS256", "HS384", "HS512"}
        mixed = symmetric.isdisjoint(self.algorithms) if self.secret else symmetric.intersection(self.algorithms)
        if self.algorithms and mixed:
            raise ValueError("VIDCTL_AUTH_ALGORITHMS does not fit the kind of key: HS* for a secret, else the others")
        return self

    @property
    def scopes(self) -> dict[str, str | None]:
        """The scope that each permission needs, by the permission's word."""
        return {word: getattr(self, f"{word}_scope") for word in ("upload", "read", "delete", "admin")}

    @property
    def accepted_algorithms(self) -> tuple[str, ...]:
        """The algorithms, from configuration and never from the token."""
        return self.algorithms or (("HS256",) if self.secret else ("RS256", "ES256"))


class HttpSettings(BaseSettings):
    """The HTTP server."""

    model_config = _config("VIDCTL_HTTP_")

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - behind a load balancer
    port: int = Field(default=8080, ge=1, le=65535, description="Port to listen on.")
    public_url: str | None = Field(default=None, description="Base URL in answers; default: as the client called it.")
    body_limit: int = Field(default=64 * 1024, ge=1024, description="Largest request body in bytes.")
    request_timeout: Seconds = _duration(15, "Time for a request.")
    playback_expiry: Seconds = _duration(HOUR, "Life of a signed playback URL.")
    page: bool = Field(default=True, description="Whether `/` is a page to upload with and to watch.")


class WorkerSettings(BaseSettings):
    """The transcoding task."""

    model_config = _config("VIDCTL_WORKER_")

    ffmpeg: str = Field(default="ffmpeg", description="Program, by name or path.")
    ffprobe: str = Field(default="ffprobe", description="Program, by name or path.")
    directory: str | None = Field(default=None, description="Where the local files go; default: the system's.")
    profile: str = Field(
        default="streaming", description="What is made: the name of a profile, a path, or YAML (docs/profiles.md)."
    )
    max_duration: Seconds = _duration(12 * HOUR, "Longest input; the reconciler reads it too, as the next two.")
    max_pixels: int = Field(default=8192 * 4320, ge=1, le=8192 * 8192, description="Largest picture.")
    max_streams: int = Field(default=64, ge=1, description="Most streams of the input.")
    max_frame_rate: float = Field(default=1000, ge=1, description="Most frames a second of the input, on the average.")
    max_memory: int | None = Field(
        default=None, ge=64 * 1024**2, description="Bytes of memory for ffmpeg; default: 7/8 of what the task has."
    )
    max_file: int = Field(default=64 * 1024**3, ge=1024, description="Largest file that ffmpeg may write, in bytes.")
    confine: Literal["required", "preferred", "off"] = Field(
        default="required",
        description="Whether ffmpeg runs only under a seccomp filter, without one where there is none, or unconfined.",
    )
    deadline: Seconds = _duration(12 * HOUR, "Longest run of ffmpeg.")
    stall: Seconds = _duration(10 * MINUTE, "Longest time in which ffmpeg comes no further.")
    fence: Seconds = _duration(60, "Interval of asking whether it still is wanted.")
    progress: Seconds = _duration(3, "Least time between two progress writes.")
    download_parts: int = Field(default=4, ge=1, description="Ranges read at once.")
    part_bytes: int = Field(default=16 * 1024**2, ge=1024, description="Size of such a range.")
    upload_parts: int = Field(default=4, ge=1, description="Segments uploaded at once.")
    grace: Seconds = _duration(20, "Time from SIGTERM to the result.")


class LogSettings(BaseSettings):
    """The log."""

    model_config = _config("VIDCTL_LOG_")

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level written.")
    format: Literal["json", "text"] | None = Field(default=None, description="Default: text on a terminal, else JSON.")


class TelemetrySettings(BaseSettings):
    """Where traces go: OpenTelemetry's own variables, of which the SDK reads the rest."""

    model_config = _config("OTEL_EXPORTER_OTLP_")

    endpoint: str | None = Field(default=None, description="Collector of traces (OTLP over HTTP); default: none.")
    traces_endpoint: str | None = Field(default=None, description="The same, for traces only.")


class JobSettings(BaseSettings):
    """What a worker task has to do; the reconciler writes it."""

    model_config = _config("VIDCTL_")

    job: str = Field(description="The attempt, as JSON; set by the reconciler in the task's environment.")


class DevSettings(BaseSettings):
    """One machine in place of AWS (`make dev`)."""

    model_config = _config("VIDCTL_DEV_")

    aws_port: int = Field(default=4566, ge=1, le=65535, description="Port of the emulated S3 and SQS.")
    ecs_port: int | None = Field(default=None, description="Port of the local ECS; default: a free one.")
    ministack: str = Field(default=".emulator/bin/ministack", description="The emulator's program.")
    template: str = Field(default="deploy/storage.yaml", description="CloudFormation template of the world.")
    directory: str = Field(default=".dev", description="Where world.json and the logs go.")


GROUPS: tuple[type[BaseSettings], ...] = (
    WorldSettings, AwsSettings, TaskSettings, ReconcilerSettings, UploadSettings, AuthSettings, HttpSettings,
    WorkerSettings, LogSettings, TelemetrySettings, JobSettings, DevSettings,
)  # fmt: skip


def inherited() -> dict[str, str]:
    """Return the whole environment, for programs that this one starts."""
    return dict(os.environ)  # noqa: TID251 - the one place


def check(*groups: type[BaseSettings]) -> None:
    """Read several groups, so that one error can name all that is wrong.

    Raises:
        InvalidSettings: every variable that is missing or wrong, with what would be right.

    """
    faults: list[str] = []
    for group in groups:
        try:
            load(group)
        except InvalidSettings as error:
            faults.append(str(error))
    if faults:
        raise InvalidSettings("\n".join(faults))


def load(group: type[S]) -> S:
    """Read one group from the environment.

    Raises:
        InvalidSettings: every variable that is missing or wrong, with what would be right.

    """
    try:
        return group()
    except ValidationError as error:
        prefix = str(group.model_config.get("env_prefix", ""))
        raise InvalidSettings("\n".join(_faults(prefix, group, error))) from error


def _faults(prefix: str, group: type[BaseSettings], error: ValidationError) -> Iterable[str]:
    for fault in error.errors(include_url=False, include_input=False):
        name = str(fault["loc"][0]) if fault["loc"] else "*"
        message = "must be set" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
        field = group.model_fields.get(name)
        yield f"{prefix}{name.upper()}: {message}" + (f" ({field.description})" if field else "")
