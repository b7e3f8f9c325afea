"""Every setting of vidctl: the only reader of the environment.

Groups are loaded by the processes that need them. Each field says its default, its unit and why; the table in
``docs/settings.md`` is generated from here. Lists are separated by commas. AWS credentials and endpoints follow AWS's
own variables (``AWS_ENDPOINT_URL`` …), which the SDK reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from vidctl.errors import InvalidSettings


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _seconds(value: Any) -> Any:
    return float(value) if isinstance(value, str) and value.replace(".", "", 1).isdigit() else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Seconds = Annotated[timedelta, BeforeValidator(_seconds), Field(gt=timedelta(0))]
"""A duration, written in the environment as a number of seconds."""


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
    subnets: Words = Field(description="Subnets of the tasks, in the order in which they are tried.")
    security_groups: Words = Field(default=(), description="Security groups of the tasks.")
    capacity_providers: Words = Field(
        default=("FARGATE_SPOT", "FARGATE"), description="Capacity providers, in the order in which they are tried."
    )
    assign_public_ip: bool = Field(default=False, description="Needed only in subnets without a way to S3.")
    sizes: Words = Field(
        default=("2048/4096/30", "4096/8192/60", "8192/16384/120"),
        description="CPU units / memory in MiB / ephemeral storage in GiB; the next is tried after a lack of either.",
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
    receive_wait: Seconds = Field(default=timedelta(seconds=10), le=timedelta(seconds=20), description="Long poll.")
    visibility: Seconds = Field(default=timedelta(seconds=60), description="Time that a receipt holds a message.")
    renew_after: Seconds = Field(
        default=timedelta(hours=10), description="Hold after which a message is sent anew (AWS caps a hold at 12 h)."
    )
    app_attempts: int = Field(default=3, ge=1, description="Attempts before a failure of the app is the input's fault.")
    infrastructure_attempts: int = Field(default=20, ge=1, description="Attempts lost to the infrastructure.")
    infrastructure_patience: Seconds = Field(
        default=timedelta(hours=24), description="Time over which they must be lost before the job is given up."
    )
    backoff: Seconds = Field(default=timedelta(seconds=10), description="Wait after a failure, doubled each time.")
    backoff_cap: Seconds = Field(default=timedelta(minutes=10), description="Longest such wait.")
    start_deadline: Seconds = Field(default=timedelta(minutes=15), description="Time for a task to start.")
    run_deadline: Seconds = Field(default=timedelta(minutes=30), description="Time for an attempt on a tiny input.")
    run_deadline_per_gib: Seconds = Field(default=timedelta(hours=2), description="Further time for each GiB of input.")
    settle: Seconds = Field(
        default=timedelta(minutes=5), description="Wait after RunTask's failures[], which may be wrong, before looking."
    )
    poll: Seconds = Field(default=timedelta(seconds=20), description="Interval of looking at running tasks.")
    sweep: Seconds = Field(default=timedelta(minutes=5), description="Interval of looking for missed events, ± 50 %.")
    sweep_grace: Seconds = Field(default=timedelta(minutes=2), description="Age of a raw object before it is swept up.")
    clean_after: Seconds = Field(default=timedelta(hours=24), description="Age of abandoned outputs before removal.")
    raw_expiry: Seconds = Field(default=timedelta(hours=48), description="The raw bucket's lifecycle rule.")
    keep_before_expiry: Seconds = Field(
        default=timedelta(hours=8), description="Time before that rule at which unfinished raw objects are kept safe."
    )
    shutdown: Seconds = Field(default=timedelta(seconds=25), description="Time from SIGTERM to the exit.")


class UploadSettings(BaseSettings):
    """What may be uploaded."""

    model_config = _config("VIDCTL_UPLOAD_")

    expiry: Seconds = Field(
        default=timedelta(minutes=15),
        ge=timedelta(minutes=5),
        le=timedelta(minutes=15),
        description="Life of a signed upload URL, 300 to 900.",
    )
    max_bytes: int = Field(default=5 * 1024**3, ge=1, le=5 * 1024**3, description="Largest upload (S3: 5 GiB a PUT).")
    suffixes: Words = Field(default=(".mp4",), description="Accepted suffixes of the client's file name.")
    content_types: Words = Field(default=("video/mp4",), description="Accepted content types.")


class AuthSettings(BaseSettings):
    """Whose tokens are accepted. Exactly one of secret, public key and JWKS URL says how they are checked."""

    model_config = _config("VIDCTL_AUTH_")

    secret: SecretStr | None = Field(default=None, min_length=32, description="HS256 secret, at least 32 bytes.")
    public_key: str | None = Field(default=None, description="RS256 or ES256 public key, PEM.")
    jwks_url: str | None = Field(default=None, description="URL of the issuer's key set.")
    algorithms: Words = Field(default=(), description="Accepted algorithms; default HS256, or RS256 and ES256.")
    issuer: str | None = Field(default=None, description="Required `iss`.")
    audience: str | None = Field(default=None, description="Required `aud`.")
    required_claims: Words = Field(default=("exp", "sub"), description="Claims that a token must have.")
    scope: str | None = Field(default=None, description="Word that the `scope` (or `scp`) claim must contain.")
    leeway: Seconds = Field(default=timedelta(seconds=30), description="Tolerated difference of clocks.")
    jwks_lifetime: Seconds = Field(default=timedelta(minutes=5), description="Age at which the key set is read again.")
    jwks_cooldown: Seconds = Field(default=timedelta(seconds=5), description="Least time between two reads of it.")

    @model_validator(mode="after")
    def _one_way_of_checking(self) -> Self:
        given = [name for name in ("secret", "public_key", "jwks_url") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"set exactly one of VIDCTL_AUTH_SECRET, _PUBLIC_KEY and _JWKS_URL (given: {given or 'none'})"
            )
        symmetric = {"HS256", "HS384", "HS512"}
        mixed = symmetric.isdisjoint(self.algorithms) if self.secret else symmetric.intersection(self.algorithms)
        if self.algorithms and mixed:
            raise ValueError(
                "VIDCTL_AUTH_ALGORITHMS does not fit the kind of key: HS* for a secret, RS*/ES*/PS*/EdDSA else"
            )
        return self

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
    request_timeout: Seconds = Field(default=timedelta(seconds=15), description="Time for a request.")
    playback_expiry: Seconds = Field(default=timedelta(hours=1), description="Life of a signed playback URL.")
    page: bool = Field(default=True, description="Whether `/` is a page to upload with and to watch.")


class WorkerSettings(BaseSettings):
    """The transcoding task."""

    model_config = _config("VIDCTL_WORKER_")

    ffmpeg: str = Field(default="ffmpeg", description="Program, by name or path.")
    ffprobe: str = Field(default="ffprobe", description="Program, by name or path.")
    directory: str | None = Field(default=None, description="Where the local files go; default: the system's.")
    preset: str = Field(default="veryfast", description="x264 preset: 2.2 times as fast as its default, little worse.")
    crf: int = Field(default=23, ge=0, le=51, description="x264 quality; lower is better and larger.")
    max_short_side: int = Field(default=1080, ge=16, description="Largest short side of the output, in pixels.")
    audio_bitrate: int = Field(default=128_000, ge=16_000, description="AAC, bits a second.")
    max_duration: Seconds = Field(default=timedelta(hours=12), description="Longest input.")
    max_pixels: int = Field(default=8192 * 4320, ge=1, description="Largest picture of the input.")
    max_streams: int = Field(default=64, ge=1, description="Most streams of the input.")
    deadline: Seconds = Field(default=timedelta(hours=12), description="Longest run of ffmpeg.")
    fence: Seconds = Field(default=timedelta(seconds=60), description="Interval of asking whether it still is wanted.")
    progress: Seconds = Field(default=timedelta(seconds=3), description="Least time between two progress writes.")
    download_parts: int = Field(default=4, ge=1, description="Ranges read at once.")
    part_bytes: int = Field(default=16 * 1024**2, ge=1024, description="Size of such a range.")
    grace: Seconds = Field(default=timedelta(seconds=20), description="Time from SIGTERM to the result.")


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

S = TypeVar("S", bound=BaseSettings)


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
        raise InvalidSettings("\n".join(_faults(prefix, error))) from error


def _faults(prefix: str, error: ValidationError) -> Iterable[str]:
    for fault in error.errors(include_url=False, include_input=False):
        name = prefix + "_".join(str(part) for part in fault["loc"][:1]).upper() if fault["loc"] else prefix + "*"
        message = "must be set" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
        yield f"{name}: {message}"
