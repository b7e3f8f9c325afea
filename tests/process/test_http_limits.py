"""How much somebody may do, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.process.http_service import Service, bearer, problem
from vidctl.settings import LimitSettings, UploadSettings

WANTED = {"filename": "clip.mp4", "content_type": "video/mp4", "size": 3}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    limits = LimitSettings(reads_per_minute=3, writes_per_minute=2, refusals_per_minute=2, trusted_proxies=1)
    async with Service(limits=limits).running() as service:
        yield service


# --- rates --------------------------------------------------------------------------------------------------------


async def test_a_user_who_asks_too_much_is_told_when_he_may_again(service: Service) -> None:
    for left in (1, 0):
        response = await service.post(WANTED)
        assert response.status == 201
        assert response.headers["RateLimit-Policy"] == '"write";q=2;w=60'
        assert response.headers["RateLimit"].startswith(f'"write";r={left};t=')
        assert response.headers["RateLimit-Remaining"] == str(left)
    response = await service.post(WANTED)
    body = await problem(response, 429, "rate_limited")
    assert body["detail"] == "At most 2 write requests in 60 seconds are allowed."
    assert (response.headers["Retry-After"], response.headers["RateLimit-Reset"]) == ("30", "30")
    assert response.headers["RateLimit-Limit"] == "2"
    assert service.counted("vidctl_rate_limited_total", quota="write") == 1
    service.wait(timedelta(seconds=int(response.headers["Retry-After"])))
    assert (await service.post(WANTED)).status == 201


async def test_limits_are_each_users_own_and_each_kind_s(service: Service) -> None:
    for _ in range(3):
        await service.post(WANTED)
    assert (await service.post(WANTED, user="eve")).status == 201
    # A problem is an answer like any other: it counts, and says what is left.
    response = await service.get("nothing")
    await problem(response, 404, "video_not_found")
    assert response.headers["RateLimit"].startswith('"read";r=2;')


async def test_a_request_that_names_another_user_is_still_its_makers(service: Service) -> None:
    for _ in range(3):
        await problem(
            await service.client.get("/v1/videos/x?user=eve", headers=bearer("ada")), 403, "insufficient_scope"
        )
    await problem(await service.get("x"), 429, "rate_limited")
    assert (await service.get("x", user="eve")).status == 404


async def test_guessing_tokens_is_slowed_by_address_and_harms_nobody_beside(service: Service) -> None:
    async def guess(forwarded_for: str) -> int:
        headers = {"Authorization": "Bearer a.b.c", "X-Forwarded-For": forwarded_for}
        return (await service.client.get("/v1/videos/x", headers=headers)).status

    assert [await guess("203.0.113.9") for _ in range(4)] == [401, 401, 429, 429]
    # Whatever he writes into the header himself, the load balancer adds where he comes from.
    assert await guess("198.51.100.1, 203.0.113.9") == 429
    assert await guess("203.0.113.10") == 401
    headers = {**bearer("ada"), "X-Forwarded-For": "203.0.113.9"}
    assert (await service.client.get("/v1/videos/x", headers=headers)).status == 404
    assert service.counted("vidctl_rate_limited_total", quota="refused") == 3


async def test_a_request_without_any_token_is_a_stranger_s_too(service: Service) -> None:
    assert [(await service.client.get("/v1/videos/x")).status for _ in range(3)] == [401, 401, 429]


async def test_reading_events_by_a_link_is_the_doing_of_its_owner(service: Service) -> None:
    video_id = (await (await service.post(WANTED)).json())["video_id"]
    url = (await (await service.get(video_id)).json())["events_url"]
    for _ in range(2):
        async with service.client.get(url) as response:
            assert response.status == 200
    await problem(await service.client.get(url), 429, "rate_limited")


async def test_a_user_has_only_so_many_streams_open() -> None:
    async with Service(limits=LimitSettings(streams=2)).running() as service:
        urls = []
        for _ in range(3):
            video_id = (await (await service.post(WANTED)).json())["video_id"]
            urls.append((await (await service.get(video_id)).json())["events_url"])
        first, second = [await service.client.get(url) for url in urls[:2]]
        body = await problem(await service.client.get(urls[2]), 429, "limit_reached")
        assert (body["limit"], body["value"]) == ("streams", 2)
        first.close()
        async with asyncio.timeout(10):
            while service.counted("vidctl_event_streams") != 1:  # noqa: ASYNC110 - what the server hears of comes with no event
                await asyncio.sleep(0)
        async with service.client.get(urls[2]) as third:
            assert third.status == 200
        second.close()


async def test_probes_are_nobody_s(service: Service) -> None:
    for _ in range(5):
        response = await service.client.get("/healthz")
        assert (response.status, "RateLimit" in response.headers) == (200, False)


async def test_no_limit_is_no_limit() -> None:
    limits = LimitSettings(reads_per_minute=0, writes_per_minute=0, refusals_per_minute=0)
    async with Service(limits=limits).running() as service:
        for _ in range(5):
            assert (await service.get("x")).status == 404
            response = await service.client.get("/v1/videos/x")
            assert (response.status, "RateLimit" in response.headers) == (401, False)


# --- what one user may have under way -----------------------------------------------------------------------------


async def test_uploads_of_an_hour_are_counted_for_all_replicas() -> None:
    service = Service(limits=LimitSettings(uploads_per_hour=2))
    async with service.running():
        await service.post(WANTED)
        service.wait(timedelta(minutes=20))
        assert (await service.post(WANTED)).status == 201
        response = await service.post(WANTED)
        body = await problem(response, 429, "limit_reached")
        assert (body["limit"], body["value"], response.headers["Retry-After"]) == ("uploads_per_hour", 2, "2400")
        assert (await service.post(WANTED, user="eve")).status == 201
        service.wait(timedelta(minutes=40, seconds=1))
        assert (await service.post(WANTED)).status == 201


async def test_uploads_of_an_old_session_are_uploads_of_this_hour() -> None:
    uploads = UploadSettings(session_expiry=timedelta(hours=12))
    async with Service(limits=LimitSettings(uploads_per_hour=2), uploads=uploads).running() as service:
        minted = await service.client.post("/v1/upload-sessions", json={"count": 9}, headers=bearer("ada"))
        form = f"{(await minted.json())['endpoint']}/s3/params?filename=a.mp4&type=video/mp4"
        service.wait(timedelta(hours=11))
        taken = [await service.client.get(form) for _ in range(3)]
        assert [answer.status for answer in taken] == [200, 200, 429]
        await problem(await service.post(WANTED), 429, "limit_reached")
        service.wait(timedelta(minutes=59))
        assert (await service.client.get(form)).status == 429
        # Whoever was given one late is not told that there is no such video.
        assert (await service.get((await taken[0].json())["video_id"])).status == 200
        service.wait(timedelta(minutes=1, seconds=1))
        assert (await service.post(WANTED)).status == 201


async def test_an_open_video_makes_room_when_it_ends_or_can_come_no_more() -> None:
    service = Service(limits=LimitSettings(open_videos=2))
    async with service.running():
        first = (await (await service.post(WANTED)).json())["video_id"]
        await service.post(WANTED)
        body = await problem(await service.post(WANTED), 429, "limit_reached")
        assert (body["limit"], body["value"]) == ("open_videos", 2)
        await service.client.delete(f"/v1/videos/{first}", headers=bearer("ada"))
        assert (await service.post(WANTED)).status == 201
        await problem(await service.post(WANTED), 429, "limit_reached")
        service.wait(timedelta(hours=7))
        assert (await service.post(WANTED)).status == 201


async def test_a_form_is_under_way_for_as_long_as_it_may_be_posted() -> None:
    uploads = UploadSettings(parts_expiry=timedelta(hours=12))
    async with Service(limits=LimitSettings(open_videos=1), uploads=uploads).running() as service:
        form = "/v1/uppy/s3/params?filename=a.mp4&type=video/mp4"
        handed = await (await service.client.get(form, headers=bearer("ada"))).json()
        service.wait(timedelta(hours=11, minutes=59))
        assert (await service.get(handed["video_id"])).status == 200
        await problem(await service.client.get(form, headers=bearer("ada")), 429, "limit_reached")
        service.wait(timedelta(hours=6, minutes=1))
        assert (await service.get(handed["video_id"])).status == 404


async def test_bytes_in_flight_are_what_open_videos_declared() -> None:
    service = Service(limits=LimitSettings(bytes_in_flight=10))
    async with service.running():
        assert (await service.post(WANTED | {"size": 6})).status == 201
        body = await problem(await service.post(WANTED | {"size": 5}), 429, "limit_reached")
        assert (body["limit"], body["value"]) == ("bytes_in_flight", 10)
        assert (await service.post(WANTED | {"size": 4})).status == 201
