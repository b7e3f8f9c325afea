"""``POST /v1/uploads`` over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.process.http_service import RAW_BUCKET, Service, bearer, problem
from vidctl import layout
from vidctl.errors import Unavailable
from vidctl.ledger import Ledger
from vidctl.model import VideoKey
from vidctl.tickets import Ticket, Way

GOOD = {"filename": "clip.mp4", "content_type": "video/mp4", "size": 1234567}


@asynccontextmanager
async def unwritable(operation: str) -> AsyncIterator[None]:
    if operation == "objects.create":
        raise Unavailable(operation)
    yield


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().running() as service:
        yield service


async def test_an_upload_is_signed_for_exactly_this_file(service: Service) -> None:
    response = await service.post(GOOD)
    body = await response.json()
    assert response.status == 201
    assert body.keys() == {"video_id", "upload", "status_url"}
    upload = body["upload"]
    assert upload.keys() == {"method", "url", "headers", "expires_at"}
    assert upload["method"] == "PUT"
    assert upload["url"].endswith(f"{RAW_BUCKET}/videos/ada/{body['video_id']}.mp4")
    assert upload["headers"] == {"content-type": "video/mp4", "content-length": "1234567", "if-none-match": "*"}
    assert datetime.fromisoformat(upload["expires_at"]) == service.now + timedelta(minutes=15)
    assert body["status_url"] == f"http://127.0.0.1:{service.port}/v1/videos/{body['video_id']}"
    assert response.headers["Location"] == body["status_url"]
    assert response.headers["Cache-Control"] == "no-store"
    assert layout.issued_at("ada", body["video_id"]) == service.now
    assert service.counted("vidctl_uploads_signed_total") == 1


async def test_what_is_handed_out_is_noted(service: Service) -> None:
    body = await (await service.post({**GOOD, "filename": "Ünï.MP4"})).json()
    key = VideoKey(user_id="ada", video_id=body["video_id"])
    assert await Ledger(service.final).recent("ada", limit=2) == (
        Ticket(
            key=key,
            at=service.now,
            way=Way.PUT,
            content_type="video/mp4",
            filename="Ünï.MP4",
            size_bytes=1234567,
            max_bytes=5 * 1024**3,
        ),
    )


async def test_nothing_is_handed_out_that_could_not_be_noted() -> None:
    service = Service()
    service.final_port = service.final.through(unwritable)
    async with service.running():
        await problem(await service.post(GOOD), 503, "unavailable")
    assert service.counted("vidctl_uploads_signed_total") == 0


async def test_every_upload_has_an_id_of_its_own(service: Service) -> None:
    ids = {(await (await service.post(GOOD)).json())["video_id"] for _ in range(5)}
    assert len(ids) == 5


async def test_a_subject_stays_below_its_own_prefix(service: Service) -> None:
    body = await (await service.post(GOOD, user="../../etc/é\n")).json()
    key = body["upload"]["url"].removeprefix(f"memory://{RAW_BUCKET}/")
    assert layout.parse_raw_key(key).user_id == ".2E.2E.2F.2E.2E.2Fetc.2F.C3.A9.0A"


@pytest.mark.parametrize("size", [1, 1.0, 1419709.0, 5 * 1024**3])
async def test_a_whole_number_may_be_written_with_a_point(service: Service, size: float) -> None:
    body = await (await service.post({**GOOD, "size": size, "multipart": False})).json()
    assert body["upload"]["headers"]["content-length"] == str(int(size))


@pytest.mark.parametrize("name", ["CLIP.MP4", "a b.mp4", "ünï🎬.mp4", "..mp4.mp4", "x" * 251 + ".mp4"])
async def test_any_plain_name_with_the_suffix_will_do(service: Service, name: str) -> None:
    assert (await service.post({**GOOD, "filename": name})).status == 201


async def test_the_content_type_is_signed_in_lower_case(service: Service) -> None:
    body = await (await service.post({**GOOD, "content_type": "Video/MP4"})).json()
    assert body["upload"]["headers"]["content-type"] == "video/mp4"


WRONG: dict[str, list[Any]] = {
    "size": [0, -1, 1.5, 5 * 1024**3 + 1, True, "1", None, [], {}, 10**40],
    "filename": [
        *("", "clip", ".mp4", "clip.mov", "clip.mp4.exe", "x" * 300 + ".mp4"),
        *("../clip.mp4", "a/b.mp4", "a\\b.mp4", "a\0.mp4", "a\n.mp4", "\ud800.mp4"),
        *(7, None, ["clip.mp4"], {"a": 1}),
    ],
    "content_type": ["", "text/html", "video/mp4; x=1", " video/mp4", "video/mp4\r\nX: y", 7, None],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
async def test_a_wrong_field_is_named_with_its_fix(service: Service, field: str, value: Any) -> None:
    body = await problem(await service.post({**GOOD, field: value}), 422, "invalid_request")
    assert body["field"] == field
    assert body["fix"]
    assert field in body["detail"]
    assert service.counted("vidctl_uploads_signed_total") == 0


async def test_all_faults_are_told_at_once(service: Service) -> None:
    body = await problem(
        await service.post({"filename": "x.avi", "content_type": "text/plain", "size": 0}), 422, "invalid_request"
    )
    assert [fault["field"] for fault in body["errors"]] == ["filename", "content_type", "size"]
    body = await problem(await service.post({}), 422, "invalid_request")
    assert [fault["detail"] for fault in body["errors"]] == ["is missing"] * 3


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"size=1", b"[" * 20_000])
async def test_a_body_that_is_not_json_is_refused(service: Service, text: bytes) -> None:
    await problem(await service.post(text), 400, "not_json")


@pytest.mark.parametrize("text", [b"[]", b'"x"', b"1", b"null", b"NaN"])
async def test_a_body_that_is_no_object_is_refused(service: Service, text: bytes) -> None:
    assert (await problem(await service.post(text), 422, "invalid_request"))["field"] == "body"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "-1e999"])
async def test_numbers_that_are_none_are_refused(service: Service, text: str) -> None:
    body = f'{{"filename": "clip.mp4", "content_type": "video/mp4", "size": {text}}}'.encode()
    assert (await problem(await service.post(body), 422, "invalid_request"))["field"] == "size"


async def test_a_large_body_is_refused(service: Service) -> None:
    await problem(await service.post(b" " * (64 * 1024 + 1)), 413, "request_entity_too_large")


async def test_the_allow_lists_are_settings() -> None:
    service = Service()
    service.uploads = service.uploads.model_copy(
        update={"suffixes": (".mov", ".MP4"), "content_types": ("video/quicktime",), "max_bytes": 10}
    )
    async with service.running():
        good = {"filename": "a.mov", "content_type": "video/quicktime", "size": 10}
        assert (await service.post(good)).status == 201
        assert (await service.post({**good, "filename": "a.mp4"})).status == 201
        body = await problem(await service.post(GOOD), 422, "invalid_request")
        assert [fault["field"] for fault in body["errors"]] == ["content_type", "size"]
        assert "10" in body["errors"][1]["fix"]


async def test_links_begin_as_the_settings_say() -> None:
    async with Service(public_url="https://video.example/").running() as service:
        body = await (await service.post(GOOD)).json()
        assert body["status_url"] == f"https://video.example/v1/videos/{body['video_id']}"


async def test_a_host_that_is_none_gets_no_link(service: Service) -> None:
    headers = {**bearer("ada"), "Host": "evil/<script>"}
    await problem(await service.client.post("/v1/uploads", json=GOOD, headers=headers), 400, "invalid_host")


async def test_the_token_is_asked_for_before_the_body_is_looked_at(service: Service) -> None:
    response = await service.client.post("/v1/uploads", data=b"{")
    await problem(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="vidctl"'


async def test_a_refused_token_is_told_why(service: Service) -> None:
    response = await service.client.post("/v1/uploads", json=GOOD, headers={"Authorization": "Bearer a.b.c"})
    body = await problem(response, 401, "invalid_token")
    assert body["detail"] == "The token is not a signed JWT."
    expected = 'Bearer realm="vidctl", error="invalid_token", error_description="The token is not a signed JWT."'
    assert response.headers["WWW-Authenticate"] == expected


async def test_a_missing_scope_is_named() -> None:
    service = Service()
    service.auth = service.auth.model_copy(update={"upload_scope": "video:write"})
    async with service.running():
        response = await service.post(GOOD)
        await problem(response, 403, "insufficient_scope")
        assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
        assert 'scope="video:write"' in response.headers["WWW-Authenticate"]


async def test_two_tokens_are_refused(service: Service) -> None:
    headers = [*bearer("ada").items(), *bearer("eve").items()]
    await problem(await service.client.post("/v1/uploads", json=GOOD, headers=headers), 401, "invalid_token")
