"""``DELETE`` and retry of a video over HTTP; what the reconciler makes of them is told in ``simulation``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.process.http_service import RAW_BUCKET, Service, bearer, problem
from tests.process.test_http_videos import Video
from vidctl import events, layout
from vidctl.errors import Unavailable
from vidctl.settings import AuthSettings

SCOPES = {"upload_scope": "videos.upload", "delete_scope": "videos.delete"}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().running() as service:
        yield service


async def delete(service: Service, video_id: str, *, user: str = "ada", **claims: str) -> ClientResponse:
    return await service.client.delete(f"/v1/videos/{video_id}", headers=bearer(user, **claims))


async def retry(service: Service, video_id: str, *, user: str = "ada", **claims: str) -> ClientResponse:
    return await service.client.post(f"/v1/videos/{video_id}/retry", headers=bearer(user, **claims))


async def accepted(response: ClientResponse, video: Video, state: str) -> None:
    assert response.status == 202
    assert await response.json() == {"video_id": video.key.video_id, "state": state}


async def failed(service: Service) -> Video:
    video = Video(service)
    video.upload()
    await video.launch()
    await video.give_up()
    return video


async def test_a_delete_is_recorded_and_the_reconciler_pointed_at_it(service: Service) -> None:
    video = Video(service)
    video.upload()
    await accepted(await delete(service, video.key.video_id), video, "deleting")
    assert service.final.keys("jobs/") == (f"jobs/{video.key}/cancel.json",)
    (message,) = service.raw_queue.messages
    (record,) = events.event_records(message.body)
    assert events.parse_upload(record, bucket=RAW_BUCKET).key == video.key
    assert service.looked_at == [video.key]
    assert (await video.read())["state"] == "deleting"


async def in_parts(service: Service) -> Video:
    wanted = {"filename": "clip.mp4", "content_type": "video/mp4", "size": 6 * 1024**2, "multipart": True}
    video = Video(service)
    video.key = replace(video.key, video_id=(await (await service.post(wanted)).json())["video_id"])
    return video


async def test_an_upload_in_parts_is_given_up_with_its_video(service: Service) -> None:
    video, other = await in_parts(service), await in_parts(service)
    assert len(service.raw_uploads.unfinished) == 2
    await accepted(await delete(service, video.key.video_id), video, "deleting")
    (left,) = service.raw_uploads.unfinished.values()
    assert left.key == layout.raw_key(other.key)
    await accepted(await delete(service, video.key.video_id), video, "deleted")


async def test_an_upload_in_parts_is_awaited_for_as_long_as_it_may_go_on(service: Service) -> None:
    video = await in_parts(service)
    service.wait(timedelta(hours=47))
    assert (await video.read())["state"] == "awaiting_upload"
    service.wait(timedelta(hours=2))
    await problem(await service.get(video.key.video_id), 404, "video_not_found")


async def test_what_is_deleted_stays_deleted(service: Service) -> None:
    video = Video(service)
    await accepted(await delete(service, video.key.video_id), video, "deleting")
    assert (await video.read())["state"] == "deleted"
    await accepted(await delete(service, video.key.video_id), video, "deleted")
    assert len(service.raw_queue.messages) == 1
    await problem(await retry(service, video.key.video_id), 409, "not_failed")


async def test_a_retry_opens_the_next_round_and_points_at_the_upload(service: Service) -> None:
    video = await failed(service)
    await accepted(await retry(service, video.key.video_id), video, "queued")
    body = await video.read()
    assert (body["state"], body["timeline"][-1]["event"]) == ("queued", "reopened")
    (message,) = service.raw_queue.messages
    (record,) = events.event_records(message.body)
    upload = events.parse_upload(record, bucket=RAW_BUCKET)
    assert layout.job_id(upload.bucket, layout.raw_key(upload.key), upload.etag) == video.job
    assert message.attributes == {}, "a plain event: that of a dead letter could open one round more"


async def test_a_video_that_has_not_failed_is_not_tried_again(service: Service) -> None:
    video = Video(service)
    video.upload()
    body = await problem(await retry(service, video.key.video_id), 409, "not_failed")
    assert body["detail"] == "The video is queued: only a failed one can be tried again."


async def test_a_video_whose_upload_has_expired_is_not_tried_again(service: Service) -> None:
    video = await failed(service)
    service.raw.remove(layout.raw_key(video.key))
    body = await problem(await retry(service, video.key.video_id), 409, "source_expired")
    assert "upload it again" in body["detail"]
    assert not service.raw_queue.messages


@pytest.mark.parametrize("video_id", ["nonsense", "00000000-0000-0000-0000-000000000001"])
@pytest.mark.parametrize("wish", [delete, retry])
async def test_there_is_nothing_to_wish_of_a_video_that_never_was(service: Service, video_id: str, wish: Any) -> None:
    await problem(await wish(service, video_id), 404, "video_not_found")
    assert not service.final.keys()


@pytest.mark.parametrize("wish", [delete, retry])
async def test_somebody_elses_video_is_none(service: Service, wish: Any) -> None:
    video = await failed(service)
    await problem(await wish(service, video.key.video_id, user="eve"), 404, "video_not_found")
    assert not service.raw_queue.messages


@pytest.mark.parametrize(("wish", "scope"), [(delete, "videos.delete"), (retry, "videos.upload")])
async def test_each_wish_needs_its_own_scope(wish: Any, scope: str) -> None:
    whole = Service()
    whole.auth = whole.auth.model_copy(update=SCOPES)
    assert isinstance(whole.auth, AuthSettings)
    async with whole.running() as service:
        video = await failed(service)
        (other,) = set(SCOPES.values()) - {scope}
        await problem(await wish(service, video.key.video_id, scope=other), 403, "insufficient_scope")
        assert (await wish(service, video.key.video_id, scope=scope)).status == 202


async def test_a_wish_whose_message_is_not_sent_can_be_repeated() -> None:
    whole = Service()
    whole.queue_fault = Unavailable("no answer")
    async with whole.running() as service:
        video = await failed(service)
        await problem(await delete(service, video.key.video_id), 503, "unavailable")
        service.queue_fault = None
        await accepted(await delete(service, video.key.video_id), video, "deleting")
        assert len(service.raw_queue.messages) == 1
