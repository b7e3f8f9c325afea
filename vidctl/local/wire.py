"""The ECS API's requests, refusals and answers as JSON (AWS: Amazon ECS API Reference, protocol JSON 1.1)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_OVERRIDES = 8192
"""Characters of a RunTask's overrides as JSON (AWS: RunTask, overrides)."""

MAX_DESCRIBED = 100
MAX_COUNT = 10
TOKEN = re.compile(r"[!-~]{1,64}")
STARTED_BY = re.compile(r"[A-Za-z0-9_/-]{1,128}")

FARGATE_SIZES = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
"""Memory in MiB that Fargate has for so many CPU units (AWS: task definition parameters for Fargate)."""


class Refusal(Exception):
    """An error that the API answers: ``kind`` is the exception's name, ``fields`` what it says beside the message."""

    def __init__(self, kind: str, message: str, *, status: int = 400, **fields: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.fields = fields


def invalid(message: str) -> Refusal:
    """Return the refusal of a parameter."""
    return Refusal("InvalidParameterException", message)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class KeyValue(_Shape):
    """A variable of a container's environment."""

    name: str
    value: str


class ContainerOverride(_Shape):
    """What a task changes of a container's definition."""

    name: str
    environment: tuple[KeyValue, ...] = ()
    command: tuple[str, ...] | None = None


class EphemeralStorage(_Shape):
    """Size of the task's disk in GiB."""

    size: Annotated[int, Field(alias="sizeInGiB", ge=20, le=200)]


class Overrides(_Shape):
    """What a task changes of its definition."""

    containers: Annotated[tuple[ContainerOverride, ...], Field(alias="containerOverrides")] = ()
    cpu: Annotated[str | None, Field(pattern=r"^[0-9]+$")] = None
    memory: Annotated[str | None, Field(pattern=r"^[0-9]+$")] = None
    storage: Annotated[EphemeralStorage | None, Field(alias="ephemeralStorage")] = None


class AwsVpc(_Shape):
    """Where a task's network interface is."""

    subnets: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)]


class Network(_Shape):
    """The network of a task."""

    awsvpc: Annotated[AwsVpc, Field(alias="awsvpcConfiguration")]


class Provider(_Shape):
    """One capacity provider of a strategy."""

    name: Annotated[str, Field(alias="capacityProvider")]


class RunTask(_Shape):
    """RunTask's parameters."""

    task_definition: Annotated[str, Field(alias="taskDefinition", min_length=1)]
    cluster: str = "default"
    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    client_token: Annotated[str | None, Field(alias="clientToken")] = None
    started_by: Annotated[str | None, Field(alias="startedBy")] = None
    launch_type: Annotated[str | None, Field(alias="launchType")] = None
    providers: Annotated[tuple[Provider, ...], Field(alias="capacityProviderStrategy")] = ()
    network: Annotated[Network | None, Field(alias="networkConfiguration")] = None
    overrides: Overrides = Overrides()
    group: str | None = None
    tags: tuple[dict[str, str], ...] = ()


class DescribeTasks(_Shape):
    """DescribeTasks' parameters."""

    tasks: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_DESCRIBED)]
    include: tuple[str, ...] = ()
    cluster: str = "default"


class ListTasks(_Shape):
    """ListTasks' parameters, without the filters that the local ECS does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster: str = "default"
    family: str | None = None
    started_by: Annotated[str | None, Field(alias="startedBy")] = None
    desired_status: Annotated[str | None, Field(alias="desiredStatus", pattern="^(RUNNING|PENDING|STOPPED)$")] = None
    page_size: Annotated[int, Field(alias="maxResults", ge=1, le=100)] = 100
    next_token: Annotated[str | None, Field(alias="nextToken")] = None


class StopTask(_Shape):
    """StopTask's parameters."""

    task: str
    cluster: str = "default"
    reason: Annotated[str, Field(max_length=1024)] = ""


R = TypeVar("R", bound=_Shape)


def parse(shape: type[R], body: dict[str, Any]) -> R:
    """Read a request.

    Raises:
        Refusal: a parameter is missing or wrong; the message names it.

    """
    try:
        return shape.model_validate({name: value for name, value in body.items() if value is not None})
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise invalid(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}") from error


def check_launch(launch: RunTask) -> None:
    """Refuse a RunTask that AWS would refuse, whatever the task definition.

    Raises:
        Refusal: a parameter is wrong.

    """
    if launch.client_token is not None and not TOKEN.fullmatch(launch.client_token):
        raise invalid("clientToken must have 1 to 64 ASCII characters between 33 and 126.")
    if launch.started_by is not None and not STARTED_BY.fullmatch(launch.started_by):
        raise invalid("startedBy must have 1 to 128 letters, digits, hyphens, slashes or underscores.")
    if launch.launch_type is not None and launch.providers:
        raise invalid("launchType and capacityProviderStrategy cannot both be given.")
    if launch.network is None:
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    size = len(launch.overrides.model_dump_json(by_alias=True, exclude_none=True))
    if size > MAX_OVERRIDES:
        raise invalid(f"Container Overrides length must be at most {MAX_OVERRIDES} characters, not {size}.")
    cpu, memory = launch.overrides.cpu, launch.overrides.memory
    if cpu is not None and memory is not None and int(memory) not in FARGATE_SIZES.get(int(cpu), ()):
        raise Refusal(
            "ClientException", f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory"
        )


def fingerprint(body: dict[str, Any]) -> str:
    """Return a RunTask's parameters without its token, so that two can be compared."""
    return json.dumps({name: value for name, value in body.items() if name != "clientToken"}, sort_keys=True)


def answer(body: dict[str, Any]) -> bytes:
    """Write an answer; a time is a number of seconds since 1970."""
    return json.dumps(body, default=datetime.timestamp).encode()


def state_change(view: dict[str, Any], *, event_id: str, at: datetime, region: str, account: str) -> str:
    """Write EventBridge's "ECS Task State Change" for a task as DescribeTasks shows it; a time is ISO 8601 text."""
    event = {
        "version": "0",
        "id": event_id,
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": account,
        "time": _iso(at),
        "region": region,
        "resources": [view["taskArn"]],
        "detail": {**view, "updatedAt": at},
    }
    return json.dumps(event, default=_iso)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
