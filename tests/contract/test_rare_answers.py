"""What AWS may answer, and no emulator can be made to: the adapters over a client that answers by script.

And what is asked of AWS where an emulator is content with less.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
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
from vidctl.multipart import PARTS, Multipart, Parts
from vidctl.ports import Launch
from vidctl.s3 import S3Objects
from vidctl.s3_uploads import S3Uploads
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
    ],
    ids=["create", "replace", "delete", "read_range"],
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


PLACE = {"Bucket": "bucket", "Key": "key"}
TINY_PARTS = Parts(threshold_bytes=2, part_bytes=2, at_once=1)


class Uploads:
    """S3's side of an upload in parts: answers each operation as it is told to, by default with success."""

    def __init__(self, **answers: Exception | asyncio.Event) -> None:
        self._answers = answers
        self.asked: list[str] = []
        self.parts: list[dict[str, Any]] = []

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def answer(**parameters: Any) -> dict[str, Any]:
            assert PLACE.items() <= parameters.items()
            self.asked.append(operation)
            match self._answers.get(operation):
                case Exception() as error:
                    raise error
                case asyncio.Event() as answered:
                    await answered.wait()
            self.parts = parameters.get("MultipartUpload", {}).get("Parts", self.parts)
            return {"UploadId": "upload", "ETag": f'"{operation}"'}

        return answer


async def upload_in_parts(s3: Uploads, path: Path, *, body: bytes = b"abcde") -> str:
    await asyncio.to_thread(path.write_bytes, body)
    opened = Client(s3, "s3", Metrics(CollectorRegistry()))
    bucket = S3Objects(client=opened, files=opened, bucket="bucket", clock=lambda: AT, parts=TINY_PARTS)
    return await bucket.upload_file("key", path, content_type="video/mp4", sha256=hashlib.sha256(body).hexdigest())


async def test_an_upload_in_parts_names_every_part_with_its_checksum(tmp_path: Path) -> None:
    s3 = Uploads()
    assert await upload_in_parts(s3, tmp_path / "file") == "complete_multipart_upload"
    assert s3.asked == ["create_multipart_upload", *["upload_part"] * 3, "complete_multipart_upload"]
    sums = [b64encode(hashlib.sha256(part).digest()).decode() for part in (b"ab", b"cd", b"e")]
    assert s3.parts == [
        {"PartNumber": number, "ETag": '"upload_part"', "ChecksumSHA256": checksum}
        for number, checksum in enumerate(sums, start=1)
    ]


@pytest.mark.parametrize("operation", ["upload_part", "complete_multipart_upload"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal("AccessDenied", status=403), AccessDenied),
        (refusal("SlowDown", status=503), Throttled),
        # How botocore tells a 200 with an error inside.
        (refusal("InternalError", "We encountered an internal error. Please try again.", 500), Unavailable),
        # A second try after a lost reply finds no upload, though the first may have completed it.
        (refusal("NoSuchUpload", status=404), Unavailable),
        (ZeroDivisionError("a defect"), ZeroDivisionError),
    ],
)
async def test_an_upload_in_parts_that_fails_is_aborted(
    tmp_path: Path, operation: str, error: Exception, expected: type[Exception]
) -> None:
    s3 = Uploads(**{operation: error})
    with pytest.raises(expected):
        await upload_in_parts(s3, tmp_path / "file")
    assert s3.asked[-1] == "abort_multipart_upload"
    assert s3.asked.count("abort_multipart_upload") == 1


@pytest.mark.parametrize("abort", [refusal("NoSuchUpload", status=404), refusal("InternalError", status=500)])
async def test_how_the_abort_fails_does_not_hide_why_the_upload_did(tmp_path: Path, abort: ClientError) -> None:
    s3 = Uploads(upload_part=refusal("AccessDenied", status=403), abort_multipart_upload=abort)
    with pytest.raises(AccessDenied):
        await upload_in_parts(s3, tmp_path / "file")
    assert s3.asked[-1] == "abort_multipart_upload"


async def test_parts_that_are_not_the_file_that_was_told_of_are_never_put_together() -> None:
    s3 = Uploads()
    opened = Client(s3, "s3", Metrics(CollectorRegistry()))
    upload = Multipart(client=opened, at=PLACE, parts=TINY_PARTS)
    with pytest.raises(Misconfigured):
        await upload.upload(BytesIO(b"abc"), 3, content_type="video/mp4", sha256=hashlib.sha256(b"abd").hexdigest())
    assert s3.asked == ["create_multipart_upload", "upload_part", "upload_part", "abort_multipart_upload"]


async def test_an_upload_that_could_not_begin_is_not_aborted(tmp_path: Path) -> None:
    s3 = Uploads(create_multipart_upload=refusal("AccessDenied", status=403))
    with pytest.raises(AccessDenied):
        await upload_in_parts(s3, tmp_path / "file")
    assert s3.asked == ["create_multipart_upload"]


@pytest.mark.parametrize("operation", ["create_multipart_upload", "upload_part", "complete_multipart_upload"])
async def test_an_upload_in_parts_that_is_cancelled_is_aborted_even_as_it_begins(
    tmp_path: Path, operation: str
) -> None:
    answered = asyncio.Event()
    s3 = Uploads(**{operation: answered})
    uploading = asyncio.ensure_future(upload_in_parts(s3, tmp_path / "file"))
    while operation not in s3.asked:  # noqa: ASYNC110 - what a thread has read comes with no event
        await asyncio.sleep(0)
    uploading.cancel()
    asyncio.get_running_loop().call_soon(answered.set)
    with pytest.raises(asyncio.CancelledError):
        await uploading
    assert s3.asked[-1] == "abort_multipart_upload"


async def test_an_abort_that_hangs_holds_nobody_up() -> None:
    s3 = Uploads(upload_part=refusal("AccessDenied", status=403), abort_multipart_upload=asyncio.Event())
    opened = Client(s3, "s3", Metrics(CollectorRegistry()))
    upload = Multipart(client=opened, at=PLACE, parts=TINY_PARTS, abort_within=timedelta(milliseconds=1))
    with pytest.raises(AccessDenied):
        await upload.upload(BytesIO(b"abc"), 3, content_type="video/mp4", sha256=hashlib.sha256(b"abc").hexdigest())
    assert s3.asked[-1] == "abort_multipart_upload"


@pytest.mark.parametrize("size_bytes", [0, 1, 2**28 + 1, 150 * 2**30, 200 * 2**30, 5 * 2**40])
def test_no_file_has_more_parts_than_s3_takes(size_bytes: int) -> None:
    part_bytes = PARTS.part_of(size_bytes)
    assert 5 * 2**20 <= part_bytes <= 5 * 2**30, "AWS: UploadPart"
    assert -(-size_bytes // part_bytes) <= 10_000


def entries(*codes: str) -> dict[str, Any]:
    return {"Errors": [{"Key": f"k{number}", "Code": code, "Message": ""} for number, code in enumerate(codes)]}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccessDenied", AccessDenied),
        ("SlowDown", Throttled),
        ("InternalError", Unavailable),
        ("Unheard", Unavailable),
    ],
)
async def test_a_key_that_could_not_be_removed_is_an_error_once_all_others_were_tried(
    code: str, expected: type[Exception]
) -> None:
    script = Script(entries(code), {}, entries("NoSuchKey"))
    opened = Client(script, "s3", Metrics(CollectorRegistry()))
    keys = [str(number) for number in range(2001)]
    with pytest.raises(expected, match="k0"):
        await S3Objects(client=opened, files=opened, bucket="bucket", clock=lambda: AT).delete_many(keys)
    asked = [[entry["Key"] for entry in parameters["Delete"]["Objects"]] for _, parameters in script.asked]
    assert asked == [keys[:1000], keys[1000:2000], keys[2000:]]


async def test_a_key_that_is_gone_was_removed() -> None:
    await objects(entries("NoSuchKey", "404")).delete_many(["k0", "k1"])


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
        bucket = S3Uploads(client=clients.s3, slow=clients.files, bucket="bucket", clock=lambda: AT)
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
        uploads = S3Uploads(client=clients.s3, slow=clients.files, bucket="bucket", clock=lambda: AT)
        with pytest.raises(AccessDenied, match="AWS_ACCESS_KEY_ID"):
            await uploads.sign_form("k.mp4", content_type="video/mp4", max_bytes=7, expires_in=MINUTE)
        with pytest.raises(AccessDenied, match="AWS_ACCESS_KEY_ID"):
            await uploads.sign_put("k.mp4", content_type="video/mp4", size_bytes=7, expires_in=MINUTE)
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
