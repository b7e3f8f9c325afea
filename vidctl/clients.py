"""Opens the AWS clients, once, and turns what they raise into ``errors``: the only module that knows botocore.

One session and a client for each use, so that a long poll or a burst of reads never stands before a hold's extension
(a session per call would block the loop for some 80 ms). Every call has a deadline and is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from vidctl.errors import (
    AccessDenied,
    InvalidSettings,
    LaunchConflict,
    Misconfigured,
    Unavailable,
    WorldError,
)
from vidctl.metrics import Metrics
from vidctl.refusals import meaning
from vidctl.sigv4 import Credentials

CALL_TIMEOUT = timedelta(seconds=30)
"""Deadline of a call that neither polls nor moves a file."""

HOLD_TIMEOUT = timedelta(seconds=10)
"""Deadline of extending a hold: a call that hangs must leave time for another within the visibility."""

FILE_TIMEOUT = timedelta(hours=1)
"""Deadline of moving 5 GiB at 1.5 MB/s."""


class Client:
    """One open AWS client whose calls have a deadline, are counted, and raise only ``WorldError``."""

    def __init__(self, client: Any, service: str, metrics: Metrics, *, timeout: timedelta = CALL_TIMEOUT) -> None:
        self._client = client
        self._service = service
        self._metrics = metrics
        self._timeout = timeout.total_seconds()

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Make one call, named as in botocore (``head_object``); return AWS's answer."""
        async with self._counted(operation):
            answer: dict[str, Any] = await getattr(self._client, operation)(**parameters)
            return answer

    async def read(self, operation: str, **parameters: Any) -> tuple[dict[str, Any], bytes]:
        """Make one call whose answer has a body; return both, the body read to its end."""
        async with self._counted(operation):
            answer: dict[str, Any] = await getattr(self._client, operation)(**parameters)
            async with answer["Body"] as stream:
                return answer, await stream.read()

    async def presign(self, operation: str, parameters: dict[str, Any], *, expires_in: timedelta) -> str:
        """Sign a request without making it, though credentials may have to be fetched for it."""
        try:
            async with asyncio.timeout(self._timeout):
                url: str = await self._client.generate_presigned_url(
                    operation, Params=parameters, ExpiresIn=int(expires_in.total_seconds())
                )
        except FAILURES as error:
            raise _translated(error, f"{self._service}.{operation}")[1] from error
        return url

    async def credentials(self) -> Credentials:
        """Return the credentials that sign now, fetched anew if they are about to expire.

        Raises:
            AccessDenied: there are none. Unavailable: whoever gives them does not answer.

        """
        held = self._client._get_credentials()  # noqa: SLF001 - botocore shows them to its own subclasses only
        try:
            if held is None:
                raise NoCredentialsError
            async with asyncio.timeout(self._timeout):
                frozen = await held.get_frozen_credentials()
        except FAILURES as error:
            raise _translated(error, f"{self._service}.credentials")[1] from error
        return Credentials(
            access_key_id=frozen.access_key,
            secret_access_key=frozen.secret_key,
            session_token=frozen.token,
            # Those of a role end; the others have no such attribute.
            expires_at=getattr(held, "_expiry_time", None),
        )

    async def presign_form(
        self, bucket: str, key: str, *, fields: dict[str, str], conditions: list[Any], expires_in: timedelta
    ) -> tuple[str, dict[str, str]]:
        """Sign a form that posts one object to S3; return its URL and all its fields."""
        # botocore signs a form with none, and fails on it.
        await self.credentials()
        try:
            async with asyncio.timeout(self._timeout):
                form = await self._client.generate_presigned_post(
                    bucket,
                    key,
                    Fields=dict(fields),
                    Conditions=[*({name: value} for name, value in fields.items()), *conditions],
                    ExpiresIn=int(expires_in.total_seconds()),
                )
        except FAILURES as error:
            raise _translated(error, f"{self._service}.post_object")[1] from error
        return form["url"], form["fields"]

    @asynccontextmanager
    async def _counted(self, operation: str) -> AsyncIterator[None]:
        began, code = asyncio.get_running_loop().time(), "ok"
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except FAILURES as error:
            code, meant = _translated(error, f"{self._service}.{operation}")
            raise meant from error
        except asyncio.CancelledError:
            code = "cancelled"
            raise
        finally:
            self._metrics.aws_requests.labels(self._service, operation, code).inc()
            self._metrics.aws_seconds.labels(self._service, operation).observe(
                asyncio.get_running_loop().time() - began
            )


FAILURES = (ClientError, BotoCoreError, ResponseParserError, aiohttp.ClientError, TimeoutError, OSError)
"""All that a call may raise."""

NO_CREDENTIALS = "give the task a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def _translated(error: Exception, call: str) -> tuple[str, WorldError]:
    """Return what to count an error as, and what it means."""
    name = type(error).__name__
    match error:
        case ClientError():
            return _answered(error, call)
        case NoCredentialsError() | PartialCredentialsError():
            return name, AccessDenied(f"{call}: {error}: {NO_CREDENTIALS}")
        case ParamValidationError():
            return name, Misconfigured(f"{call}: {error}")
        case _:
            return name, Unavailable(f"{call}: {str(error) or name}")


def _answered(error: ClientError, call: str) -> tuple[str, WorldError]:
    body = error.response.get("Error", {})
    code, message = str(body.get("Code", "")), str(body.get("Message", ""))
    text = f"{call}: {code} {message}".rstrip()
    if code == "ConflictException":
        return code, LaunchConflict(text, task_arns=tuple(error.response.get("resourceIds", ())))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return code or "unknown", meaning(code, message, status)(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where AWS is, and as whom, said outright instead of by AWS's variables. ``ecs`` None: where all else is."""

    aws: str
    ecs: str | None = None
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The clients of one process, by use."""

    s3: Client
    files: Client
    sqs: Client
    poll: Client
    holds: Client
    ecs: Client
    events: Client


@asynccontextmanager
async def open_clients(
    metrics: Metrics,
    *,
    region: str | None = None,
    poll: timedelta = timedelta(seconds=20),
    endpoints: Endpoints | None = None,
) -> AsyncIterator[Clients]:
    """Open every client; without ``endpoints``, endpoints and credentials follow AWS's own variables.

    ``region`` None: botocore's way of finding it, which knows AWS_DEFAULT_REGION but not AWS_REGION.

    Creating a client signs nothing and calls nobody, so one that a process never uses costs little.

    Raises:
        InvalidSettings: AWS's own variables name no region, or an endpoint or profile that is none.

    """
    session = get_session()
    if region is not None:
        session.set_config_variable("region", region)
    async with AsyncExitStack() as stack:

        async def opened(service: str, deadline: timedelta = CALL_TIMEOUT, connections: int = 50) -> Client:
            context = _client(session, service, deadline, connections, endpoints)
            try:
                client = await stack.enter_async_context(context)
            except (NoRegionError, InvalidRegionError) as error:
                raise InvalidSettings(f"AWS_REGION: must be set to a region, as in eu-central-1 ({error})") from error
            except (BotoCoreError, ValueError) as error:
                raise InvalidSettings(f"AWS_*: {error}") from error
            return Client(client, service, metrics, timeout=deadline)

        yield Clients(
            s3=await opened("s3", connections=100),
            files=await opened("s3", FILE_TIMEOUT),
            sqs=await opened("sqs"),
            # A poll that AWS answers late must not look like a dead connection.
            poll=await opened("sqs", poll + timedelta(seconds=10)),
            holds=await opened("sqs", HOLD_TIMEOUT),
            ecs=await opened("ecs"),
            events=await opened("events", HOLD_TIMEOUT, connections=10),
        )


@asynccontextmanager
async def open_client(service: str, metrics: Metrics, *, endpoints: Endpoints) -> AsyncIterator[Client]:
    """Open a client of any one service: for building a world, not for running in it."""
    async with _client(get_session(), service, CALL_TIMEOUT, 10, endpoints) as client:
        yield Client(client, service, metrics)


def _client(
    session: AioSession, service: str, deadline: timedelta, connections: int, endpoints: Endpoints | None
) -> Any:
    config = AioConfig(
        max_pool_connections=connections,
        connect_timeout=5,
        read_timeout=min(deadline.total_seconds(), 60),
        retries={"mode": "standard", "total_max_attempts": 2},
        # Without this botocore presigns with SigV2, under which a client can drop signed conditions.
        signature_version="s3v4" if service == "s3" else None,
        # The global host of us-east-1 answers others with a redirect, which ends a browser's preflight.
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    )
    return session.create_client(service, config=config, **_place(service, endpoints))


def _place(service: str, endpoints: Endpoints | None) -> dict[str, str]:
    if endpoints is None:
        return {}
    own = endpoints.ecs if service == "ecs" else None
    return {
        "endpoint_url": own or endpoints.aws,
        "region_name": endpoints.region,
        "aws_access_key_id": endpoints.access_key_id,
        "aws_secret_access_key": endpoints.secret_access_key,
    }
