"""The same ``Idempotency-Key`` is the same video, whatever dies in between and however many ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.process.http_service import Service, bearer, problem
from tests.process.openapi import INTERFACE
from vidctl import layout
from vidctl.settings import LimitSettings

WANTED = {"filename": "clip.mp4", "content_type": "video/mp4", "size": 3}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().running() as service:
        yield service


async def create(service: Service, *keys: str, user: str = "ada", **changes: Any) -> ClientResponse:
    headers = [*bearer(user).items(), *(("Idempotency-Key", key) for key in keys)]
    return await service.client.post("/v1/uploads", json=WANTED | changes, headers=headers)


async def video(response: ClientResponse) -> str:
    assert response.status == 201
    return str((await response.json())["video_id"])


def tickets(service: Service) -> list[str]:
    return list(service.final.keys("uploads/"))


async def test_a_repetition_is_the_same_video_with_a_fresh_signature(service: Service) -> None:
    first = await (await create(service, "k")).json()
    service.wait(timedelta(minutes=10))
    again = await (await create(service, "k")).json()
    assert again["video_id"] == first["video_id"]
    assert again["upload"]["expires_at"] > first["upload"]["expires_at"]
    assert len(tickets(service)) == 1


async def test_another_body_is_refused_and_another_key_or_user_is_another_video(service: Service) -> None:
    first = await video(await create(service, "k"))
    await problem(await create(service, "k", size=4), 422, "idempotency_key_reused")
    others = [await create(service, "l"), await create(service, "k", user="eve"), await create(service)]
    assert len({first, *[await video(other) for other in others]}) == 4


async def test_of_many_at_once_one_decides(service: Service) -> None:
    answers = await asyncio.gather(*(create(service, "k") for _ in range(20)))
    assert len({await video(answer) for answer in answers}) == 1
    assert len(tickets(service)) == 1


async def test_what_a_crash_left_half_done_is_finished_by_the_repetition(service: Service) -> None:
    first = await video(await create(service, "k"))
    [ticket] = tickets(service)
    told = service.final.body(ticket)
    # As if the process had died between the claim and the ticket; the ledger of another replica remembers nothing.
    service.final.remove(ticket)
    service.wait(timedelta(seconds=30))
    other = Service(now=service.now, seed=100)
    other.raw_port, other.final_port = service.raw, service.final
    async with other.running():
        assert await video(await create(other, "k")) == first
    assert service.final.body(ticket) == told
    assert layout.parse_ticket_key(ticket) is not None


@pytest.mark.parametrize("keys", [("",), ("x" * 256,), ("a", "a"), ('a"b',)])
async def test_what_is_no_key_is_told(service: Service, keys: tuple[str, ...]) -> None:
    await problem(await create(service, *keys), 422, "invalid_idempotency_key")


async def test_quotes_around_a_key_are_no_part_of_it(service: Service) -> None:
    assert await video(await create(service, '"k"')) == await video(await create(service, "k"))


async def test_a_repetition_is_never_over_a_limit() -> None:
    async with Service(limits=LimitSettings(uploads_per_hour=1)).running() as service:
        first = await video(await create(service, "k"))
        await problem(await create(service, "l"), 429, "limit_reached")
        assert await video(await create(service, "k")) == first


async def test_every_route_that_begins_a_video_takes_a_key_and_says_so(service: Service) -> None:
    uppy = {"filename": "clip.mp4", "type": "video/mp4"}
    begins: dict[tuple[str, str], dict[str, Any]] = {
        ("post", "/v1/uploads"): {"json": WANTED},
        ("post", "/v1/uploads/sign"): {"json": {"method": "PUT", "key": "clip.mp4", "contentType": "video/mp4"}},
        ("get", "/v1/uppy/s3/params"): {"params": uppy},
        ("post", "/v1/uppy/s3/multipart"): {"json": uppy},
    }
    told = {
        (method, path)
        for path, item in INTERFACE["paths"].items()
        for method in ("get", "post", "delete")
        if any(each.get("$ref", "").endswith("/IdempotencyKey") for each in item.get(method, {}).get("parameters", ()))
    }
    assert told == set(begins)
    for (method, path), what in begins.items():
        headers = bearer("ada") | {"Idempotency-Key": "k"}
        before = len(tickets(service))
        answers = [await service.client.request(method, path, headers=headers, **what) for _ in range(2)]
        assert [answer.status for answer in answers] == [201 if path == "/v1/uploads" else 200] * 2
        assert len(tickets(service)) == before + 1, path


async def test_what_is_asked_for_in_a_query_is_part_of_the_wish(service: Service) -> None:
    headers = bearer("ada") | {"Idempotency-Key": "k"}
    first, other = [
        await service.client.get("/v1/uppy/s3/params", params={"filename": name, "type": "video/mp4"}, headers=headers)
        for name in ("one.mp4", "two.mp4")
    ]
    assert first.status == 200
    await problem(other, 422, "idempotency_key_reused")
