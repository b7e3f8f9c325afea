"""What Uppy asks for, with a token and through an upload session; and its signer."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from aiohttp import ClientResponse
from yarl import URL

from tests.process.http_service import RAW_BUCKET, Service, bearer, problem
from tests.world.uploads import Refused
from vidctl import layout, logs
from vidctl.ledger import Ledger
from vidctl.settings import HttpSettings, LimitSettings
from vidctl.tickets import Way

MIB = 1024**2
FILE = {"filename": "clip.mp4", "type": "video/mp4"}
FIRST, LAST = bytes(5 * MIB), b"the rest"
PREFIX = "/v1/uppy/s3"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().running() as service:
        yield service


async def ask(service: Service, method: str, path: str, *, user: str | None = "ada", **more: Any) -> ClientResponse:
    headers = {} if user is None else bearer(user)
    return await service.client.request(method, path, headers=headers, **more)


class Upload:
    """An upload in parts, as Uppy makes it through ``prefix``."""

    def __init__(self, service: Service, begun: dict[str, Any], prefix: str) -> None:
        self.service, self.key, self.upload_id, self.prefix = service, begun["key"], begun["uploadId"], prefix

    async def ask(
        self, method: str, path: str = "", *, key: str | None = None, upload_id: str | None = None, **more: Any
    ) -> ClientResponse:
        named = quote(upload_id or self.upload_id, safe="")
        url = f"http://127.0.0.1:{self.service.port}{self.prefix}/multipart/{named}{path}?key={quote(key or self.key)}"
        user = more.pop("user", "ada")
        headers = {} if self.prefix.startswith("/u/") else bearer(user)
        return await self.service.client.request(method, URL(url, encoded=True), headers=headers, **more)

    async def send(self, number: int, body: bytes) -> dict[str, Any]:
        answer = await (await self.ask("GET", f"/{number}")).json()
        return {"PartNumber": number, "ETag": self.service.raw_uploads.send(answer["url"], body, {})}


async def begun(service: Service, prefix: str = PREFIX, **metadata: Any) -> Upload:
    headers = {} if prefix.startswith("/u/") else bearer("ada")
    response = await service.client.post(f"{prefix}/multipart", json={**FILE, "metadata": metadata}, headers=headers)
    assert response.status == 200
    return Upload(service, await response.json(), prefix)


# --- whole files --------------------------------------------------------------------------------------------------


async def test_a_whole_file_is_posted_as_a_form(service: Service) -> None:
    response = await ask(service, "GET", f"{PREFIX}/params", params={**FILE, "metadata[name]": "a b.mp4"})
    answer = await response.json()
    assert (response.status, answer["method"], answer["expires"]) == (200, "POST", 3600)
    service.raw_uploads.post(answer["fields"], b"a video")
    stat = service.raw.stat(answer["fields"]["key"])
    assert stat is not None
    (ticket,) = await Ledger(service.final).recent("ada", limit=2)
    assert (ticket.filename, ticket.way, layout.raw_key(ticket.key)) == ("a b.mp4", Way.POST, stat.key)


async def test_a_form_takes_no_more_than_is_allowed_or_announced() -> None:
    service = Service()
    service.uploads = service.uploads.model_copy(update={"max_bytes": 10})
    async with service.running():
        form = await (await ask(service, "GET", f"{PREFIX}/params", params=FILE)).json()
        with pytest.raises(Refused):
            service.raw_uploads.post(form["fields"], b"x" * 11)
        small = await ask(service, "GET", f"{PREFIX}/params", params={**FILE, "metadata[size]": "3"})
        with pytest.raises(Refused):
            service.raw_uploads.post((await small.json())["fields"], b"x" * 4)
        large = await ask(service, "GET", f"{PREFIX}/params", params={**FILE, "metadata[size]": "11"})
        await problem(large, 422, "invalid_request")


@pytest.mark.parametrize("path", ["/v1/uppy//s3/params", "//v1/uppy/s3/params"])
async def test_a_double_slash_finds_its_way(service: Service, path: str) -> None:
    url = URL(f"http://127.0.0.1:{service.port}{path}?filename=a.mp4&type=video/mp4", encoded=True)
    response = await service.client.get(url, headers=bearer("ada"))
    assert (response.status, (await response.json())["method"]) == (200, "POST")
    # It holds a signature, however its path is written.
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("metadata", [{}, {"name": "\ud800.mp4"}])
async def test_a_name_that_is_no_text_is_refused(service: Service, metadata: dict[str, str]) -> None:
    wanted = {**FILE, "filename": "\ud800.mp4", "metadata": metadata}
    response = await ask(service, "POST", f"{PREFIX}/multipart", json=wanted)
    assert (await problem(response, 422, "invalid_request"))["field"] == "filename"


async def test_an_error_is_told_where_each_version_looks(service: Service) -> None:
    response = await ask(service, "GET", f"{PREFIX}/params", params={**FILE, "type": "text/plain"})
    body = await problem(response, 422, "invalid_request")
    assert body["message"] == "type: is not accepted" == response.reason
    response = await ask(service, "GET", f"{PREFIX}/params", params=FILE, user=None)
    assert (response.status, response.reason) == (401, "The request needs a bearer token.")


# --- in parts -----------------------------------------------------------------------------------------------------


async def test_parts_become_a_video(service: Service) -> None:
    upload = await begun(service, name="film.mp4")
    parts = [await upload.send(1, FIRST), await upload.send(2, LAST)]
    response = await upload.ask("POST", "/complete", json={"parts": parts})
    answer = await response.json()
    assert (response.status, answer["key"], answer["bucket"]) == (200, upload.key, RAW_BUCKET)
    assert answer["location"].endswith(upload.key)
    stat = service.raw.stat(upload.key)
    assert stat is not None
    assert stat.size_bytes == len(FIRST + LAST)


async def test_after_a_pause_only_the_missing_parts_are_sent(service: Service) -> None:
    upload = await begun(service)
    part = await upload.send(1, FIRST)
    listed = await (await upload.ask("GET")).json()
    assert listed == [{"PartNumber": 1, "ETag": f'"{part["ETag"]}"', "Size": len(FIRST)}]
    last = await upload.send(2, LAST)
    done = {"parts": [listed[0], last]}
    assert [(await upload.ask("POST", "/complete", json=done)).status for _ in range(2)] == [200, 200]
    listed = await (await upload.ask("GET")).json()
    assert [entry["PartNumber"] for entry in listed] == [1, 2]
    assert (await upload.ask("POST", "/complete", json={"parts": listed})).status == 200


async def test_what_is_cancelled_is_gone_and_the_answer_is_json(service: Service) -> None:
    upload = await begun(service)
    response = await upload.ask("DELETE")
    assert (response.status, await response.json()) == (200, {})
    assert not service.raw_uploads.unfinished


async def test_more_than_was_announced_is_not_put_together_but_removed(service: Service) -> None:
    upload = await begun(service, size=7)
    part = await upload.send(1, b"8 bytes.")
    await problem(await upload.ask("POST", "/complete", json={"parts": [part]}), 413, "upload_too_large")
    assert not service.raw_uploads.unfinished


async def test_more_than_is_allowed_is_not_put_together_but_removed() -> None:
    service = Service()
    service.uploads = service.uploads.model_copy(update={"max_bytes": 7})
    async with service.running():
        upload = await begun(service)
        part = await upload.send(1, b"8 bytes.")
        await problem(await upload.ask("POST", "/complete", json={"parts": [part]}), 413, "upload_too_large")
        assert not service.raw_uploads.unfinished


@pytest.mark.parametrize("number", ["0", "10001", "-1", "x", "1.0", "%C2%B2", "99999999999999999999"])
async def test_a_part_number_out_of_range_is_refused(service: Service, number: str) -> None:
    upload = await begun(service)
    await problem(await upload.ask("GET", f"/{number}"), 422, "invalid_request")


async def test_a_key_and_an_upload_id_belong_to_one_user_and_to_each_other(service: Service) -> None:
    mine, other = await begun(service), await begun(service)
    await mine.send(1, LAST)
    tries = [
        {"user": "eve"},
        {"upload_id": other.upload_id},
        {"key": other.key},
        {"key": mine.key.replace("ada", "eve")},
        {"key": mine.key.replace("ada", "eve"), "user": "eve"},
        {"key": "kept/x.mp4"},
        {"key": layout.raw_key(layout.parse_raw_key(mine.key)).replace("videos/", "videos//")},
        {"upload_id": "made up"},
    ]
    for changed in tries:
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/1", None),
            ("POST", "/complete", {"parts": [{"PartNumber": 1, "ETag": "x"}]}),
            ("DELETE", "", None),
        ):
            response = await mine.ask(method, path, json=body, **changed)
            await problem(response, 404, "upload_not_found")
    assert len(service.raw_uploads.unfinished) == 2


# --- sessions -----------------------------------------------------------------------------------------------------


async def session(service: Service, **wanted: int) -> dict[str, Any]:
    response = await ask(service, "POST", "/v1/upload-sessions", json=wanted)
    assert response.status == 201
    answer: dict[str, Any] = await response.json()
    return answer


def prefix_of(service: Service, minted: dict[str, Any]) -> str:
    return str(minted["endpoint"]).removeprefix(f"http://127.0.0.1:{service.port}") + "/s3"


async def test_a_session_uploads_without_a_token_what_it_was_minted_for(service: Service) -> None:
    minted = await session(service, count=2, max_bytes=6 * MIB)
    prefix = prefix_of(service, minted)
    form = await (await service.client.get(f"{prefix}/params", params=FILE)).json()
    upload = await begun(service, prefix)
    parts = [await upload.send(1, FIRST), await upload.send(2, LAST)]
    assert (await upload.ask("POST", "/complete", json={"parts": parts})).status == 200
    videos = [layout.parse_raw_key(key) for key in (form["fields"]["key"], upload.key)]
    assert [video.video_id for video in videos] == minted["video_ids"]
    assert {video.user_id for video in videos} == {"ada"}


async def test_a_session_ends_with_its_count_however_many_ask_at_once(service: Service) -> None:
    prefix = prefix_of(service, await session(service, count=3))
    asked = [service.client.post(f"{prefix}/multipart", json=FILE) for _ in range(6)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status for answer in answers) == [200] * 3 + [403] * 3
    assert len(service.raw_uploads.unfinished) == 3
    await problem(await service.client.get(f"{prefix}/params", params=FILE), 403, "session_spent")


async def test_a_session_ends_with_its_time(service: Service) -> None:
    upload = await begun(service, prefix_of(service, await session(service, expires_in=600)))
    service.wait(timedelta(seconds=601))
    await problem(await upload.ask("GET", "/1"), 410, "token_expired")


async def test_a_session_takes_nothing_larger_than_it_was_minted_for(service: Service) -> None:
    minted = await session(service, count=2, max_bytes=7)
    prefix = prefix_of(service, minted)
    form = await (await service.client.get(f"{prefix}/params", params=FILE)).json()
    with pytest.raises(Refused):
        service.raw_uploads.post(form["fields"], b"8 bytes.")
    upload = await begun(service, prefix)
    part = await upload.send(1, b"8 bytes.")
    await problem(await upload.ask("POST", "/complete", json={"parts": [part]}), 413, "upload_too_large")


async def test_a_session_reaches_no_upload_but_its_own(service: Service) -> None:
    mine = await begun(service)
    first, second = [prefix_of(service, await session(service)) for _ in range(2)]
    theirs = await begun(service, first)
    for prefix, upload in ((first, mine), (second, mine), (second, theirs)):
        upload.prefix = prefix
        await problem(await upload.ask("GET", "/1"), 404, "upload_not_found")


async def test_what_a_session_asks_counts_as_its_users() -> None:
    service = Service()
    service.limits = LimitSettings(reads_per_minute=2)
    async with service.running():
        prefix = prefix_of(service, await session(service, count=5))
        statuses = [(await service.client.get(f"{prefix}/params", params=FILE)).status for _ in range(5)]
        assert 429 in statuses
        assert (await ask(service, "GET", f"{PREFIX}/params", params=FILE)).status == 429


async def test_a_changed_session_is_none(service: Service) -> None:
    prefix = prefix_of(service, await session(service))
    for changed in (prefix.replace("/u/", "/u/A"), prefix.replace("/s3", "A/s3"), "/u/x/s3"):
        await problem(await service.client.get(f"{changed}/params", params=FILE), 403, "token_forged")


async def test_a_session_is_minted_within_limits_by_whoever_has_a_token(service: Service) -> None:
    for wanted in ({"count": 0}, {"count": 101}, {"max_bytes": 6 * 1024**3}, {"expires_in": 3601}, {"count": True}):
        await problem(await ask(service, "POST", "/v1/upload-sessions", json=wanted), 422, "invalid_request")
    await problem(await ask(service, "POST", "/v1/upload-sessions", user=None), 401, "unauthorized")
    response = await ask(service, "POST", "/v1/upload-sessions")
    assert (await response.json())["count"] == 1


async def test_no_log_has_the_token_of_a_session(service: Service) -> None:
    text, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    logs.configure(level="debug", json=True, stream=text)
    try:
        minted = await session(service)
        prefix = prefix_of(service, minted)
        token = prefix.split("/")[2]
        await service.client.get(f"{prefix}/params", params=FILE)
        await service.client.get(f"{prefix}/params", params=FILE)
        await service.client.get(f"{prefix}/nowhere")
        await service.client.get(f"/u/{token}//s3/params")
        await service.client.request("PATCH", f"{prefix}/params")
        written = text.getvalue()
        assert "/u/{token}/s3/params" in written
        assert token[:20] not in written
    finally:
        structlog.reset_defaults()
        root.handlers, root.level = handlers, level


# --- the signer of version 6 --------------------------------------------------------------------------------------

OWN_KEY = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed-clip.mp4"


async def sign(service: Service, user: str = "ada", **request: Any) -> ClientResponse:
    return await ask(service, "POST", "/v1/uploads/sign", json=request, user=user)


async def test_a_whole_file_is_signed_as_a_form_under_our_key(service: Service) -> None:
    answer = await (await sign(service, method="PUT", key=OWN_KEY, contentType="video/mp4")).json()
    assert answer["fields"]["key"] == answer["key"]
    assert layout.parse_raw_key(answer["key"]).user_id == "ada"
    (ticket,) = await Ledger(service.final).recent("ada", limit=2)
    assert ticket.filename == "clip.mp4"


async def test_for_an_older_client_a_whole_file_is_signed_as_a_put(service: Service) -> None:
    answer = await (await sign(service, method="PUT", key=OWN_KEY)).json()
    assert answer.keys() == {"url", "key"}


async def test_each_call_of_an_upload_in_parts_is_signed(service: Service) -> None:
    begin = await (await sign(service, method="POST", key=OWN_KEY)).json()
    assert begin["headers"] == {"content-type": "video/mp4"}
    upload_id = await service.raw_uploads.begin(begin["key"], content_type="video/mp4")
    named = {"key": begin["key"], "uploadId": upload_id}
    part = await (await sign(service, method="PUT", partNumber=1, **named)).json()
    service.raw_uploads.send(part["url"], LAST, {})
    assert "uploadId=" in (await (await sign(service, method="GET", **named)).json())["url"]
    complete = await (await sign(service, method="POST", **named)).json()
    assert complete["headers"] == {"if-none-match": "*"}
    assert (await sign(service, method="DELETE", **named)).status == 200


async def test_to_complete_is_not_signed_for_what_is_too_large() -> None:
    service = Service()
    service.uploads = service.uploads.model_copy(update={"max_bytes": 7})
    async with service.running():
        begin = await (await sign(service, method="POST", key=OWN_KEY)).json()
        upload_id = await service.raw_uploads.begin(begin["key"], content_type="video/mp4")
        named = {"key": begin["key"], "uploadId": upload_id}
        part = await (await sign(service, method="PUT", partNumber=1, **named)).json()
        service.raw_uploads.send(part["url"], b"8 bytes.", {})
        await problem(await sign(service, method="POST", **named), 413, "upload_too_large")


async def test_nothing_is_signed_for_somebody_elses_key(service: Service) -> None:
    begin = await (await sign(service, method="POST", key=OWN_KEY)).json()
    for method in ("GET", "PUT", "POST", "DELETE"):
        for user, key in (("eve", begin["key"]), ("ada", OWN_KEY), ("ada", begin["key"].replace("ada", "eve"))):
            response = await sign(service, user, method=method, key=key, uploadId="u", partNumber=1)
            await problem(response, 404, "upload_not_found")
    mine = await begun(service)
    await problem(await sign(service, method="GET", key=mine.key, uploadId="another"), 404, "upload_not_found")


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"method": "PATCH", "key": "a.mp4"},
        {"method": "PUT"},
        {"method": "PUT", "key": "a.exe"},
        {"method": "PUT", "key": "a.mp4", "contentType": "text/html"},
        {"method": "DELETE", "key": "a.mp4"},
        {"method": "PUT", "key": "a.mp4", "uploadId": 7},
    ],
)
async def test_what_cannot_be_signed_is_told_so(service: Service, request_: dict[str, Any]) -> None:
    await problem(await sign(service, **request_), 422, "invalid_request")


# --- other origins ------------------------------------------------------------------------------------------------


@pytest.fixture
async def open_service() -> AsyncIterator[Service]:
    service = Service()
    service.http = service.http.model_copy(
        update={"origins": HttpSettings(origins=("https://app.example", "http://localhost:*")).origins}
    )
    async with service.running():
        yield service


@pytest.mark.parametrize("origin", ["https://app.example", "http://localhost:5173"])
async def test_a_page_of_an_allowed_origin_may_call_every_route(open_service: Service, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    response = await open_service.client.options("/v1/uploads", headers=asked)
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert "authorization" in response.headers["Access-Control-Allow-Headers"]
    assert "DELETE" in response.headers["Access-Control-Allow-Methods"]
    response = await open_service.client.post("/v1/uploads", headers={"Origin": origin})
    await problem(response, 401, "unauthorized")
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert "Origin" in response.headers["Vary"]
    exposed = set(response.headers["Access-Control-Expose-Headers"].split(", "))
    told = {name for name in response.headers if name.startswith("RateLimit")}
    assert told
    assert exposed >= told | {"Location", "Retry-After"}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.evil.com", "http://localhost", "http://localhost:x", "null"]
)
async def test_a_page_of_another_origin_may_not(open_service: Service, origin: str) -> None:
    for method, more in (("OPTIONS", {"Access-Control-Request-Method": "GET"}), ("GET", {})):
        response = await open_service.client.request(method, "/healthz", headers={"Origin": origin, **more})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.headers["Vary"]


async def test_by_default_no_other_page_may_call(service: Service) -> None:
    response = await service.client.get("/healthz", headers={"Origin": "https://app.example"})
    assert "Access-Control-Allow-Origin" not in response.headers
