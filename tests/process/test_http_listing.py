"""``GET /v1/videos`` over HTTP: the ledger is written by uploads, the rest as the reconciler and the worker would."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.process.http_service import RAW_BUCKET, Service, bearer, problem
from tests.process.test_http_videos import FIRST, Video
from vidctl.errors import Unavailable, WorldError
from vidctl.http.uploads.request import InvalidRequest
from vidctl.http.videos.listing import AT_ONCE, MOST, page_of
from vidctl.model import VideoKey
from vidctl.records import Cancel, MediaInfo, Result


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().running() as service:
        yield service


class Listed(Video):
    """A video that was asked for over HTTP, so that the ledger has it."""

    names = ("poster.jpg", "video.mp4")

    @classmethod
    async def asked_for(cls, service: Service, filename: str = "clip.mp4", *, user: str = "ada") -> Listed:
        service.wait(timedelta(seconds=1))
        wanted = {"filename": filename, "content_type": "video/mp4", "size": 3}
        body = await (await service.post(wanted, user=user)).json()
        video = cls(service)
        video.key = VideoKey(user_id=user, video_id=body["video_id"])
        return video

    async def encode(self) -> None:
        media = MediaInfo(
            container="mp4", duration_seconds=12.5, video_codec="h264", width=320, height=180, frames_per_second=25.0
        )
        words: dict[str, Any] = {"failure": None, "code": "ok", "media": media, "outputs": self.outputs()}
        await self.write(Result(key=self.key, job=self.job, number=FIRST, at=self.tick(), **words))

    async def finish(self) -> None:
        self.upload()
        await self.launch()
        await self.encode()
        await self.publish()


async def page(service: Service, *, user: str = "ada", **query: str) -> tuple[list[dict[str, Any]], str | None]:
    response = await service.client.get("/v1/videos", params=query, headers=bearer(user))
    assert response.status == 200
    body = await response.json()
    return body["videos"], body["next"]


def ids(videos: list[dict[str, Any]]) -> list[str]:
    return [video["video_id"] for video in videos]


async def test_a_user_sees_his_own_videos_the_newest_first(service: Service) -> None:
    videos = [await Listed.asked_for(service) for _ in range(3)]
    await Listed.asked_for(service, user="eve")
    found, after = await page(service)
    assert (ids(found), after) == ([video.key.video_id for video in reversed(videos)], None)
    assert await page(service, user="bob") == ([], None)


async def test_an_entry_says_what_a_list_shows(service: Service) -> None:
    video = await Listed.asked_for(service, "Füße, Tag 1.mp4")
    created = service.now
    await video.finish()
    [entry], _ = await page(service)
    poster_url = entry.pop("poster_url")
    assert poster_url.startswith(f"http://127.0.0.1:{service.port}/")
    assert poster_url.endswith("/poster.jpg")
    assert entry == {
        "video_id": video.key.video_id,
        "filename": "Füße, Tag 1.mp4",
        "size": 3,
        "created_at": created.isoformat(),
        "state": "published",
        "code": None,
        "detail": None,
        "progress": 1.0,
        "remaining_seconds": None,
        "ahead": None,
        "duration_seconds": 12.5,
    }


async def test_both_answers_say_what_a_video_is_called_and_why_it_failed(service: Service) -> None:
    video = await Listed.asked_for(service, "Notes.mp4")
    created = service.now
    video.upload()
    await video.launch()
    await video.give_up()
    [entry], _ = await page(service)
    told = {"filename": "Notes.mp4", "created_at": created.isoformat(), "state": "failed"}
    why = {"code": "not_a_video", "detail": "It is a text file."}
    assert (told | why).items() <= entry.items()
    assert (told | why).items() <= (await video.read()).items()


async def test_pages_follow_each_other_without_a_gap_also_while_uploads_come(service: Service) -> None:
    videos = [await Listed.asked_for(service) for _ in range(5)]
    newest_first = [video.key.video_id for video in reversed(videos)]
    first, after = await page(service, limit="2")
    await Listed.asked_for(service)
    assert after is not None
    second, after = await page(service, limit="2", after=after)
    assert after is not None
    third, after = await page(service, limit="2", after=after)
    assert (ids(first + second + third), after) == (newest_first, None)


async def test_what_was_deleted_or_never_came_is_left_out(service: Service) -> None:
    never = await Listed.asked_for(service)
    service.wait(timedelta(days=3))
    gone, going, stays = [await Listed.asked_for(service) for _ in range(3)]
    going.upload()
    for video in (gone, going):
        await video.write(Cancel(key=video.key, at=service.now))
    found, _ = await page(service)
    assert [(entry["video_id"], entry["state"]) for entry in found] == [
        (stays.key.video_id, "awaiting_upload"),
        (going.key.video_id, "deleting"),
    ]
    assert never.key.video_id not in ids(found)


async def test_a_page_takes_a_bounded_number_of_calls() -> None:
    service, calls, open_, most = Service(), Counter[str](), 0, 0

    @asynccontextmanager
    async def counted(operation: str) -> AsyncIterator[None]:
        nonlocal open_, most
        calls[operation] += 1
        open_ += 1
        most = max(most, open_)
        await asyncio.sleep(0.001)
        yield
        open_ -= 1

    async with service.running():
        for _ in range(30):
            await (await Listed.asked_for(service)).finish()
        await page(service, limit="30")
    counting = Service()
    counting.now, counting.final_port = service.now, service.final.through(counted)
    counting.raw_port = service.raw.through(counted)
    assert service.raw.bucket == RAW_BUCKET
    async with counting.running():
        calls.clear()
        found, _ = await page(counting, limit="30")
        assert len(found) == 30
        assert calls["objects.list"] == 1 + 30
        assert calls["objects.head"] == 30
        assert most <= 3 * AT_ONCE
        calls.clear()
        await page(counting, limit="30")
        assert calls["objects.get"] == 30, "tickets and records never change: only the manifests are read again"


async def test_a_store_that_does_not_answer_is_no_shorter_list() -> None:
    service = Service()
    fault: WorldError | None = None

    @asynccontextmanager
    async def around(operation: str) -> AsyncIterator[None]:
        if fault is not None and operation == "objects.head":
            raise fault
        yield

    service.raw_port = service.raw.through(around)
    async with service.running():
        await Listed.asked_for(service)
        fault = Unavailable("no answer")
        await problem(await service.client.get("/v1/videos", headers=bearer("ada")), 503, "unavailable")


@pytest.mark.parametrize("limit", ["0", "51", "x", "-1", "9" * 5000, "²", ""])
@pytest.mark.parametrize("after", ["x", ""])
def test_a_page_that_cannot_be_is_refused_by_its_parameter(limit: str, after: str) -> None:
    for asked, fields in (((limit, None), ["limit"]), ((None, after), ["after"]), ((limit, after), ["limit", "after"])):
        with pytest.raises(InvalidRequest) as refusal:
            page_of(*asked)
        assert [fault.field for fault in refusal.value.faults] == fields


def test_a_page_has_twenty_videos_unless_more_are_asked_for() -> None:
    assert (page_of(None, None), page_of(str(MOST), None)) == ((20, None), (MOST, None))


async def test_a_faulty_parameter_is_named_in_the_answer(service: Service) -> None:
    response = await service.client.get("/v1/videos?limit=1000&after=x", headers=bearer("ada"))
    body = await problem(response, 422, "invalid_request")
    assert [fault["field"] for fault in body["errors"]] == ["limit", "after"]
    await problem(await service.client.get("/v1/videos"), 401, "unauthorized")
