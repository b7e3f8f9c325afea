"""``GET /v1/videos/{video_id}`` over HTTP: the buckets are filled as the reconciler and the worker would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.process.http_service import RAW_BUCKET, Service, bearer, problem
from vidctl import codec, layout
from vidctl.errors import AccessDenied, Throttled, Unavailable, WorldError
from vidctl.journal import JSON, Journal
from vidctl.model import AttemptNumber, FailureClass, Source, TaskSpec, VideoKey
from vidctl.progress import Progress
from vidctl.records import Cancel, Dead, Intent, Manifest, Outcome, Output, Record, Result

FIRST = AttemptNumber(1, 1)
SPEC = TaskSpec(
    task_definition="worker",
    container="worker",
    cpu_units=2048,
    memory_mib=4096,
    ephemeral_gib=None,
    capacity_provider=None,
    subnets=("subnet-1",),
    security_groups=(),
    assign_public_ip=False,
    environment=(),
)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().running() as service:
        yield service


class Video:
    """One video of ``ada`` on its way, a step at a time, two seconds each."""

    names: tuple[str, ...] = ("video.mp4",)
    """Of its outputs."""

    def __init__(self, service: Service) -> None:
        self.service = service
        video_id = layout.mint_video_id("ada", service.now, b"\1\2\3\4")
        self.key = VideoKey(user_id="ada", video_id=video_id)
        self.etag = ""
        self.job = ""

    def source(self) -> Source:
        return Source(
            key=layout.raw_key(self.key),
            etag=self.etag,
            size_bytes=3,
            last_modified=self.service.now,
            upload_etag=self.etag,
        )

    def upload(self) -> None:
        self.tick()
        self.etag = self.service.raw.put(layout.raw_key(self.key), b"raw")
        self.job = layout.job_id(RAW_BUCKET, layout.raw_key(self.key), self.etag)

    async def launch(self) -> None:
        await self.write(
            Intent(
                key=self.key,
                job=self.job,
                number=FIRST,
                created_at=self.tick(),
                source=self.source(),
                size=0,
                task=SPEC,
            )
        )

    async def progress(self, ratio: float) -> None:
        value = Progress(number=FIRST, at=self.tick(), stage="encode", ratio=ratio, remaining_seconds=40.0)
        key = layout.progress_key(self.key, self.job, FIRST)
        await self.service.final.overwrite(key, codec.encode(value), content_type=JSON)

    async def encode(self) -> None:
        await self.write(
            Result(
                key=self.key,
                job=self.job,
                number=FIRST,
                at=self.tick(),
                failure=None,
                code="ok",
                outputs=self.outputs(),
            )
        )

    async def publish(self) -> None:
        await Journal(self.service.final).publish(
            Manifest(
                key=self.key,
                job=self.job,
                number=FIRST,
                source_etag=self.etag,
                uploaded_at=self.service.now,
                published_at=self.tick(),
                outputs=self.outputs(),
            ),
            replacing=None,
        )

    async def close(self) -> None:
        await self.write(
            Outcome(key=self.key, job=self.job, number=FIRST, at=self.tick(), failure=None, code="published")
        )
        self.service.raw.remove(layout.raw_key(self.key))

    async def give_up(self) -> None:
        words: dict[str, Any] = {
            "failure": FailureClass.PERMANENT,
            "code": "not_a_video",
            "detail": "It is a text file.",
        }
        await self.write(Outcome(key=self.key, job=self.job, number=FIRST, at=self.tick(), **words))
        dead = Dead(key=self.key, job=self.job, round=1, at=self.tick(), attempts=1, source=self.source(), **words)
        await self.write(dead)

    def outputs(self) -> tuple[Output, ...]:
        prefix = layout.attempt_prefix(self.key, self.job, FIRST)
        return tuple(
            Output(name=name, key=f"{prefix}{name}", content_type="video/mp4", size_bytes=7, sha256="0f" * 32)
            for name in self.names
        )

    async def write(self, record: Record) -> None:
        await Journal(self.service.final).write(record)

    async def read(self, *, user: str = "ada") -> dict[str, Any]:
        response = await self.service.get(self.key.video_id, user=user)
        assert response.status == 200
        body: dict[str, Any] = await response.json()
        upload, numbers = {"filename", "created_at"}, {"progress", "remaining_seconds", "ahead"}
        told = {"video_id", "state", "code", "detail", "timeline", "attempts", "events_url", "outputs", "playback"}
        assert body.keys() == told | upload | numbers
        return body

    def tick(self) -> datetime:
        self.service.wait(timedelta(seconds=2))
        return self.service.now


def events(body: dict[str, Any]) -> list[str]:
    return [event["event"] for event in body["timeline"]]


# --- the way of a video -------------------------------------------------------------------------------------------


async def test_an_owner_can_follow_a_video_from_the_id_to_the_deleted_upload(service: Service) -> None:
    video = Video(service)
    states = [(await video.read())["state"]]
    video.upload()
    states.append((await video.read())["state"])
    await video.launch()
    states.append((await video.read())["state"])
    await video.progress(0.5)
    states.append((running := await video.read())["state"])
    await video.encode()
    states.append((await video.read())["state"])
    await video.publish()
    states.append((await video.read())["state"])
    await video.close()
    done = await video.read()
    assert states == ["awaiting_upload", "queued", "queued", "running", "verifying", "published"]
    assert (running["progress"], running["remaining_seconds"]) == (pytest.approx(0.46), 40.0)
    assert (done["state"], done["progress"], done["remaining_seconds"]) == ("published", 1.0, None)
    assert events(done) == ["accepted", "uploaded", "launched", "encoded", "verified", "published", "raw_deleted"]
    times = [datetime.fromisoformat(event["at"]) for event in done["timeline"]]
    assert times == sorted(times)
    assert all(time.tzinfo is not None for time in times)


async def test_a_queued_video_is_told_how_many_wait_before_it_until_it_is_tried(service: Service) -> None:
    first = Video(service)
    first.upload()
    second = Video(service)
    assert (await second.read())["ahead"] is None
    second.upload()
    assert [(await video.read())["ahead"] for video in (first, second)] == [0, 1]
    await second.launch()
    assert (await second.read())["ahead"] is None


async def test_outputs_carry_a_signed_url_of_half_a_day(service: Service) -> None:
    video = Video(service)
    video.upload()
    await video.launch()
    await video.encode()
    await video.publish()
    [output] = (await video.read())["outputs"]
    [expected] = video.outputs()
    assert output == {
        "name": "video.mp4",
        "key": expected.key,
        "content_type": "video/mp4",
        "size": 7,
        "sha256": "0f" * 32,
        "url": f"memory://final-bucket/{expected.key}?expires=43200",
    }


async def test_a_folder_is_told_of_without_a_url(service: Service) -> None:
    video = Video(service)
    video.names = ("stream/", "video.mp4")
    video.upload()
    await video.launch()
    await video.encode()
    await video.publish()
    folder, movie = (await video.read())["outputs"]
    assert (folder["name"], folder["size"], folder["url"]) == ("stream/", 7, None)
    assert folder["key"].endswith("/stream/")
    assert movie["url"] is not None


async def test_a_failure_is_told_with_its_reason(service: Service) -> None:
    video = Video(service)
    video.upload()
    await video.launch()
    await video.give_up()
    body = await video.read()
    assert (body["state"], body["progress"], body["outputs"]) == ("failed", None, [])
    assert body["timeline"][-1]["event"] == "failed"
    assert body["timeline"][-1]["reason"] == "not_a_video: It is a text file."
    [attempt] = body["attempts"]
    assert attempt["number"] == "1-1"
    assert (attempt["state"], attempt["class"], attempt["code"]) == ("failed", "permanent", "not_a_video")


async def test_a_video_that_is_being_deleted_shows_no_outputs(service: Service) -> None:
    video = Video(service)
    video.upload()
    await video.launch()
    await video.encode()
    await video.publish()
    await video.write(Cancel(key=video.key, at=video.tick()))
    body = await video.read()
    assert (body["state"], body["outputs"]) == ("deleting", [])


async def test_progress_that_cannot_be_read_hides_nothing_else(service: Service) -> None:
    video = Video(service)
    video.upload()
    await video.launch()
    service.final.put(layout.progress_key(video.key, video.job, FIRST), b'{"v": 99}')
    assert (await video.read())["state"] == "queued"


# --- whose ids ----------------------------------------------------------------------------------------------------


async def found(response: ClientResponse) -> dict[str, Any]:
    body = await problem(response, 404, "video_not_found")
    of_the_request = ("Date", "Content-Length", "RateLimit", "RateLimit-Remaining", "RateLimit-Reset")
    return {**body, "headers": {k: v for k, v in response.headers.items() if k not in of_the_request}}


async def test_foreign_unknown_and_malformed_ids_look_the_same(service: Service) -> None:
    video = Video(service)
    video.upload()
    await video.launch()
    await video.encode()
    await video.publish()
    foreign = await found(await service.get(video.key.video_id, user="eve"))
    others = (
        "0189a8e6-0000-7000-8000-000000000001",
        video.key.video_id.upper(),
        "nonsense",
        "..%2f..%2fada%2f" + video.key.video_id,
        "%00",
        "x" * 3000,
        video.key.video_id + "%0A",
        "ffffffff-ffff-8000-8000-025596ebf473",  # made up for this user, of a time that no calendar has
    )
    for other in others:
        assert await found(await service.get(other)) == foreign


async def test_an_id_for_somebody_else_is_not_awaited(service: Service) -> None:
    issued = (await (await service.post({"filename": "a.mp4", "content_type": "video/mp4", "size": 1})).json())[
        "video_id"
    ]
    assert (await (await service.get(issued)).json())["state"] == "awaiting_upload"
    await found(await service.get(issued, user="eve"))


async def test_an_upload_is_awaited_while_its_url_may_be_in_use(service: Service) -> None:
    video = Video(service)
    service.wait(timedelta(hours=6, minutes=14))
    assert (await video.read())["state"] == "awaiting_upload"
    service.wait(timedelta(minutes=2))
    await found(await service.get(video.key.video_id))
    video.upload()
    assert (await video.read())["state"] == "queued"


async def test_an_id_made_up_for_a_far_future_is_no_error(service: Service) -> None:
    far = layout.mint_video_id("ada", datetime(9999, 12, 31, tzinfo=UTC), b"\0\0\0\0")
    assert (await service.get(far)).status in (200, 404)


async def test_a_token_is_needed(service: Service) -> None:
    await problem(await service.client.get(f"/v1/videos/{Video(service).key.video_id}"), 401, "unauthorized")


async def test_an_administrator_sees_anybodys_video_and_nobody_else_does() -> None:
    service = Service()
    service.auth = service.auth.model_copy(update={"admin_scope": "staff"})
    async with service.running():
        video_id = Video(service).key.video_id
        refused = await service.client.get(f"/v1/videos/{video_id}?user=ada", headers=bearer("eve"))
        await problem(refused, 403, "insufficient_scope")
        assert 'scope="staff"' in refused.headers["WWW-Authenticate"]
        staff = bearer("eve", scope="staff")
        seen = await service.client.get(f"/v1/videos/{video_id}?user=ada", headers=staff)
        assert (await seen.json())["video_id"] == video_id
        await found(await service.client.get(f"/v1/videos/{video_id}", headers=staff))
        await problem(await service.client.get(f"/v1/videos/{video_id}?user=", headers=staff), 422, "invalid_user")


# --- a world that does not answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Throttled, Unavailable, AccessDenied])
@pytest.mark.parametrize("operation", ["objects.head", "objects.list", "objects.get"])
async def test_a_bucket_that_does_not_answer_is_told_as_such(operation: str, error: type[WorldError]) -> None:
    @asynccontextmanager
    async def around(called: str) -> AsyncIterator[None]:
        if called == operation:
            raise error(f"{operation} of secret-bucket failed")
        yield

    service = Service()
    service.raw_port, service.final_port = service.raw.through(around), service.final.through(around)
    async with service.running():
        response = await service.get(Video(service).key.video_id)
        body = await problem(response, 503, error.code)
        assert int(response.headers["Retry-After"]) > 0
        assert "secret-bucket" not in str(body)


async def test_a_manifest_of_a_newer_version_asks_to_come_again(service: Service) -> None:
    video = Video(service)
    service.final.put(layout.manifest_key(video.key), b'{"v": 99, "kind": "manifest"}')
    await problem(await service.get(video.key.video_id), 503, "unknown_version")
