"""What AWS may answer, and no emulator can be made to: the adapters over a client that answers by script.

And what is asked of AWS where an emulator is content with less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from prometheus_client import CollectorRegistry

from tests.contract.emulators import endpoints_at
from tests.contract.jobs import SPEC
from vidctl.clients import Client, open_clients
from vidctl.ecs import EcsTasks
from vidctl.errors import (
    AccessDenied,
    CapacityUnavailable,
    InvalidSettings,
    LaunchConflict,
    Misconfigured,
    PreconditionFailed,
    Throttled,
    Unavailable,
)
from vidctl.metrics import Metrics
from vidctl.ports import Launch
from vidctl.s3 import S3Objects
from vidctl.sqs import SqsQueue

AT = datetime(2026, 11, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Script:
    """Answers every operation with the next of its answers, and raises those that are errors."""

    def __init__(self, *answers: dict[str, Any] | ClientError) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def answer(**parameters: Any) -> dict[str, Any]:
            self.asked.append((operation, parameters))
            given = self._answers.pop(0)
            if isinstance(given, ClientError):
                raise given
            return given

        return answer


def client(*answers: dict[str, Any] | ClientError) -> Client:
    return Client(Script(*answers), "aws", Metrics(CollectorRegistry()))


def refusal(code: str, message: str = "", status: int = 400, **fields: Any) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **fields,
    }
    return ClientError(response, "Operation")


def failed(number: int, code: str, *, sender: bool) -> dict[str, Any]:
    return {"Id": str(number), "Code": code, "Message": "", "SenderFault": sender}


def queue(*answers: dict[str, Any]) -> SqsQueue:
    return SqsQueue(client=client(*answers), url="https://sqs/queue")


def tasks(*answers: dict[str, Any] | ClientError) -> EcsTasks:
    return EcsTasks(client=client(*answers), cluster="vidctl", family="vidctl-worker", clock=lambda: AT)


def objects(*answers: dict[str, Any] | ClientError) -> S3Objects:
    return S3Objects(client=client(*answers), files=client(), bucket="bucket", clock=lambda: AT)


# --- SQS ----------------------------------------------------------------------------------------------------------


async def test_a_receive_holds_as_long_as_the_extensions_do_whatever_the_queue_says() -> None:
    asked: dict[str, Any] = {}

    class Sqs:
        async def receive_message(self, **parameters: Any) -> dict[str, Any]:
            asked.update(parameters)
            return {}

    opened = Client(Sqs(), "sqs", Metrics(CollectorRegistry()))
    await SqsQueue(client=opened, url="https://sqs/queue", visibility=timedelta(minutes=5)).receive(wait=MINUTE / 6)
    assert asked["VisibilityTimeout"] == 300
    asked.clear()
    await SqsQueue(client=opened, url="https://sqs/queue").receive(wait=MINUTE / 6)
    assert "VisibilityTimeout" not in asked, "the queue's own"


async def test_a_receipt_on_which_sqs_failed_once_is_not_lost() -> None:
    failing = queue({"Failed": [failed(1, "InternalError", sender=False)]}, {"Successful": []})
    assert await failing.extend(["a", "b"], visibility=MINUTE) == ()


async def test_lost_receipts_are_told_from_those_on_which_sqs_failed() -> None:
    first = {"Failed": [failed(0, "MessageNotInflight", sender=True), failed(2, "InternalError", sender=False)]}
    second = {"Failed": [failed(0, "ReceiptHandleIsInvalid", sender=True)]}
    assert await queue(first, second).extend(["a", "b", "c"], visibility=MINUTE) == ("a", "c")


@pytest.mark.parametrize(
    ("code", "sender", "expected"),
    [("InternalError", False, Unavailable), ("RequestThrottled", True, Throttled), ("Throttling", False, Throttled)],
)
async def test_an_extension_on_which_sqs_fails_twice_is_an_error(
    code: str, expected: type[Exception], *, sender: bool
) -> None:
    answer = {"Failed": [failed(0, code, sender=sender)]}
    with pytest.raises(expected):
        await queue(answer, answer).extend(["a"], visibility=MINUTE)


async def test_a_receipt_that_was_not_deleted_is_returned() -> None:
    failing = queue({"Failed": [failed(9, "InternalError", sender=False)]}, {"Failed": [failed(0, "x", sender=True)]})
    assert await failing.delete([f"r{number}" for number in range(11)]) == ("r9", "r10")


# --- ECS ----------------------------------------------------------------------------------------------------------


async def test_failures_are_reasons() -> None:
    failures = [{"arn": "a", "reason": "RESOURCE:MEMORY"}, {"reason": "Capacity", "detail": "is unavailable"}, {}]
    launch = await tasks({"tasks": [], "failures": failures}).run(SPEC, token="t", started_by="j")
    assert launch == Launch(task=None, failures=("RESOURCE:MEMORY", "Capacity: is unavailable", "no reason given"))


async def test_a_conflict_names_the_tasks_of_the_token() -> None:
    conflicting = tasks(refusal("ConflictException", "conflict", resourceIds=["arn:1", "arn:2"]))
    with pytest.raises(LaunchConflict) as conflict:
        await conflicting.run(SPEC, token="t", started_by="j")
    assert conflict.value.task_arns == ("arn:1", "arn:2")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal("ThrottlingException", "Rate exceeded"), Throttled),
        (refusal("ServerException", status=500), Unavailable),
        (refusal("ClientException", "You've reached the limit on the number of tasks"), CapacityUnavailable),
    ],
)
async def test_a_refused_launch_says_why(error: ClientError, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        await tasks(error).run(SPEC, token="t", started_by="j")


async def test_a_task_that_cannot_be_read_hides_no_other() -> None:
    good = {"taskArn": "good", "lastStatus": "RUNNING"}
    found = await tasks({"tasks": [good | {"taskArn": "bad", "createdAt": "soon"}, good]}).describe(["bad", "good"])
    assert [task.arn for task in found] == ["good"]


async def test_the_tasks_of_a_job_are_asked_for_by_who_started_them_and_nothing_else() -> None:
    # AWS: ListTasks, startedBy must be the only filter.
    script = Script({"taskArns": ["arn"]})
    opened = Client(script, "ecs", Metrics(CollectorRegistry()))
    found = EcsTasks(client=opened, cluster="vidctl", family="vidctl-worker", clock=lambda: AT)
    assert await found.started_by("job") == ("arn",)
    assert script.asked == [("list_tasks", {"cluster": "vidctl", "startedBy": "job"})]


async def test_a_launch_names_its_token_and_asks_for_one_task() -> None:
    script = Script({"tasks": [], "failures": []})
    opened = Client(script, "ecs", Metrics(CollectorRegistry()))
    await EcsTasks(client=opened, cluster="vidctl", family="vidctl-worker", clock=lambda: AT).run(
        SPEC, token="token", started_by="job"
    )
    ((operation, asked),) = script.asked
    assert operation == "run_task"
    assert (asked["clientToken"], asked["startedBy"], asked["count"]) == ("token", "job", 1)


async def test_a_listing_is_followed_to_its_end() -> None:
    pages: list[dict[str, Any]] = [{"taskArns": ["1"], "nextToken": "x"}, {"taskArns": [], "nextToken": "y"}]
    assert await tasks(*pages, {"taskArns": ["2"]}).family(stopped=True) == ("1", "2")


# --- S3 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "condition"),
    [
        (lambda s3: s3.create("key", b"", content_type="text/plain"), {"IfNoneMatch": "*"}),
        (lambda s3: s3.replace("key", b"", content_type="text/plain", if_match="e"), {"IfMatch": "e"}),
        (lambda s3: s3.delete("key", if_match="e"), {"IfMatch": "e"}),
        (lambda s3: s3.read_range("key", start=0, end=1, if_match="e"), {"IfMatch": "e"}),
        (lambda s3: s3.copy("key", "copy", if_match="e"), {"CopySourceIfMatch": "e"}),
    ],
    ids=["create", "replace", "delete", "read_range", "copy"],
)
async def test_a_condition_is_sent_along(
    act: Callable[[S3Objects], Awaitable[object]], condition: dict[str, str]
) -> None:
    script = Script(refusal("PreconditionFailed", status=412))
    opened = Client(script, "s3", Metrics(CollectorRegistry()))
    with pytest.raises(PreconditionFailed):
        await act(S3Objects(client=opened, files=opened, bucket="bucket", clock=lambda: AT))
    ((_, asked),) = script.asked
    assert condition.items() <= asked.items()


async def test_the_checksum_of_checksums_is_no_sha256() -> None:
    head = {
        "ETag": '"e-2"',
        "ContentLength": 7,
        "LastModified": AT,
        "ChecksumSHA256": "qUiQTy8PR5uPgZdpSzAYSw0u0cHNKh7A+4XSmaGSpEc=-2",
    }
    stat = await objects(head).head("key")
    assert stat is not None
    assert (stat.etag, stat.sha256) == ("e-2", None)


async def test_a_forbidden_object_is_not_a_missing_one() -> None:
    with pytest.raises(AccessDenied):
        await objects(refusal("403", "Forbidden", 403)).head("key")


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
async def test_a_url_is_signed_for_the_regional_host_with_every_condition(
    monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    for name, value in (("ACCESS_KEY_ID", "id"), ("SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(f"AWS_{name}", value)
    async with open_clients(Metrics(CollectorRegistry()), region=region) as clients:
        bucket = S3Objects(client=clients.s3, files=clients.files, bucket="bucket", clock=lambda: AT)
        signed = await bucket.sign_put("k.mp4", content_type="video/mp4", size_bytes=7, expires_in=MINUTE)
    assert signed.url.startswith(f"https://bucket.s3.{region}.amazonaws.com/k.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match&" in signed.url


async def test_a_body_that_ends_early_is_no_usable_reply() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 100\r\n\r\nonly so far')
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as server:
        endpoints = endpoints_at(server.sockets[0].getsockname()[1])
        async with open_clients(Metrics(CollectorRegistry()), endpoints=endpoints) as clients:
            bucket = S3Objects(client=clients.s3, files=clients.files, bucket="bucket", clock=lambda: AT)
            with pytest.raises(Unavailable):
                await bucket.read_range("key", start=0, end=100, if_match="e")


# --- AWS's own variables ------------------------------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A machine that was told nothing about AWS."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.mark.usefixtures("bare")
async def test_without_credentials_nothing_can_be_signed_or_called_and_the_fix_is_named() -> None:
    async with open_clients(Metrics(CollectorRegistry()), region="eu-west-1") as clients:
        bucket = S3Objects(client=clients.s3, files=clients.files, bucket="bucket", clock=lambda: AT)
        with pytest.raises(AccessDenied, match="AWS_ACCESS_KEY_ID"):
            await bucket.sign_get("k.mp4", expires_in=MINUTE)
        with pytest.raises(AccessDenied, match="AWS_ACCESS_KEY_ID"):
            await bucket.sign_put("k.mp4", content_type="video/mp4", size_bytes=7, expires_in=MINUTE)
        with pytest.raises(AccessDenied, match="AWS_ACCESS_KEY_ID"):
            await clients.sqs.call("list_queues")


async def test_what_cannot_be_signed_is_a_misconfiguration(bare: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        bare.setenv(f"AWS_{name}", "x")
    async with open_clients(Metrics(CollectorRegistry()), region="eu-west-1") as clients:
        bucket = S3Objects(client=clients.s3, files=clients.files, bucket="no bucket/", clock=lambda: AT)
        with pytest.raises(Misconfigured, match="no bucket/"):
            await bucket.sign_get("k.mp4", expires_in=MINUTE)


@pytest.mark.parametrize("region", [None, "eu west 1"])
@pytest.mark.usefixtures("bare")
async def test_a_region_that_is_none_names_its_variable(region: str | None) -> None:
    with pytest.raises(InvalidSettings, match=r"^AWS_REGION: must be set"):
        async with open_clients(Metrics(CollectorRegistry()), region=region):
            pass


@pytest.mark.parametrize(("name", "value"), [("AWS_ENDPOINT_URL", "nowhere"), ("AWS_PROFILE", "nobody")])
async def test_a_variable_of_aws_that_cannot_be_used_is_told_of(
    bare: pytest.MonkeyPatch, name: str, value: str
) -> None:
    bare.setenv(name, value)
    with pytest.raises(InvalidSettings, match=f"^AWS_.*{value}"):
        async with open_clients(Metrics(CollectorRegistry()), region="eu-west-1"):
            pass


async def test_the_deadline_of_a_hold_leaves_three_tries_within_the_shortest_visibility() -> None:
    async with open_clients(Metrics(CollectorRegistry()), endpoints=endpoints_at(1)) as clients:
        assert 3 * clients.holds._timeout <= 30 <= clients.sqs._timeout
