"""Uploads in parts over HTTP, through our own routes: begun, resumed, put together, and whose they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.process.http_service import Service, bearer, problem
from tests.world.crc64 import crc64nvme
from tests.world.uploads import Refused
from vidctl import layout
from vidctl.journal import Journal
from vidctl.model import AttemptNumber, VideoKey
from vidctl.records import Manifest

MIB = 1024**2
PART = 5 * MIB
BODY = bytes(PART) + b"the rest"
GOOD = {"filename": "clip.mp4", "content_type": "video/mp4", "size": len(BODY), "multipart": True}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    service.uploads = service.uploads.model_copy(update={"part_bytes": PART})
    async with service.running():
        yield service


class Upload:
    """An upload of ``ada`` in parts, as a client makes it."""

    def __init__(self, service: Service, begun: dict[str, Any]) -> None:
        self.service = service
        self.video_id: str = begun["video_id"]
        self.parts: dict[str, Any] = begun["multipart"]
        self.path = f"/v1/uploads/{self.video_id}"
        self.key = layout.raw_key(VideoKey(user_id="ada", video_id=self.video_id))

    async def ask(self, method: str, path: str = "", *, user: str = "ada", json: Any = None) -> ClientResponse:
        return await self.service.client.request(method, self.path + path, json=json, headers=bearer(user))

    async def sign(self, *numbers: int) -> list[dict[str, Any]]:
        answer = await (await self.ask("POST", "/parts", json={"parts": numbers})).json()
        parts: list[dict[str, Any]] = answer["parts"]
        return parts

    async def send(self, *numbers: int, body: bytes = BODY) -> None:
        for signed in await self.sign(*numbers):
            start = (signed["number"] - 1) * PART
            self.service.raw_uploads.send(signed["url"], body[start : start + PART], signed["headers"])


async def begun(service: Service, **more: Any) -> Upload:
    response = await service.post({**GOOD, **more})
    assert response.status == 201
    return Upload(service, await response.json())


async def test_a_file_goes_in_parts_and_becomes_a_video(service: Service) -> None:
    upload = await begun(service)
    assert (upload.parts["part_size"], upload.parts["part_count"]) == (PART, 2)
    await upload.send(1, 2)
    response = await upload.ask("POST", "/complete")
    answer = await response.json()
    assert (response.status, answer["video_id"]) == (200, upload.video_id)
    stat = service.raw.stat(upload.key)
    assert stat is not None
    assert (stat.etag, stat.size_bytes, stat.content_type) == (answer["etag"], len(BODY), "video/mp4")


async def test_each_part_is_signed_for_its_own_size(service: Service) -> None:
    first, last = await (await begun(service)).sign(1, 2)
    assert first["headers"]["content-length"] == str(PART)
    assert last["headers"]["content-length"] == str(len(b"the rest"))
    with pytest.raises(Refused):
        service.raw_uploads.send(last["url"], b"the rest and more", last["headers"])


async def test_large_files_go_in_parts_unless_the_client_insists(service: Service) -> None:
    large = {**GOOD, "size": 100 * MIB + 1}
    del large["multipart"]
    assert "multipart" in await (await service.post(large)).json()
    assert "upload" in await (await service.post({**large, "size": 100 * MIB})).json()
    assert "upload" in await (await service.post({**large, "multipart": False})).json()


async def test_files_of_five_tebibytes_can_be_allowed_and_go_in_ten_thousand_parts() -> None:
    service = Service()
    service.uploads = service.uploads.model_copy(update={"max_bytes": 5 * 1024**4})
    async with service.running():
        upload = await begun(service, size=5 * 1024**4)
        assert upload.parts["part_count"] == 10_000
        assert (await upload.sign(10_000))[0]["headers"]["content-length"]
        await problem(await service.post({**GOOD, "size": 6 * 1024**3, "multipart": False}), 422, "invalid_request")


async def test_an_upload_is_resumed_from_its_video_id_alone(service: Service) -> None:
    upload = await begun(service)
    await upload.send(2)
    seen = await (await upload.ask("GET", "/parts")).json()
    assert (seen["state"], seen["part_size"], seen["size"]) == ("uploading", PART, len(BODY))
    assert [(part["number"], part["size"]) for part in seen["parts"]] == [(2, 8)]
    body = await problem(await upload.ask("POST", "/complete"), 409, "upload_incomplete")
    assert "missing: 1" in body["detail"]
    await upload.send(1)
    assert (await upload.ask("POST", "/complete")).status == 200


async def test_listing_and_completing_may_be_repeated_after_success(service: Service) -> None:
    upload = await begun(service)
    await upload.send(1, 2)
    answers = [await (await upload.ask("POST", "/complete")).json() for _ in range(2)]
    assert answers[0] == answers[1]
    seen = await (await upload.ask("GET", "/parts")).json()
    assert (seen["state"], [part["size"] for part in seen["parts"]]) == ("complete", [PART, 8])
    service.raw.remove(upload.key)
    key = VideoKey(user_id="ada", video_id=upload.video_id)
    manifest = Manifest(
        key=key,
        job="a" * 26,
        number=AttemptNumber(1, 1),
        source_etag=answers[0]["etag"],
        uploaded_at=service.now,
        published_at=service.now,
        outputs=(),
    )
    await Journal(service.final).publish(manifest, replacing=None)
    assert await (await upload.ask("POST", "/complete")).json() == answers[0]


async def test_what_was_given_up_is_gone(service: Service) -> None:
    upload = await begun(service)
    await upload.send(1)
    assert [(await upload.ask("DELETE")).status for _ in range(2)] == [204, 204]
    assert not service.raw_uploads.unfinished
    await problem(await upload.ask("GET", "/parts"), 404, "upload_not_found")
    await problem(await upload.ask("POST", "/complete"), 404, "upload_not_found")


async def test_giving_up_what_is_complete_takes_nothing_back(service: Service) -> None:
    upload = await begun(service)
    await upload.send(1, 2)
    await upload.ask("POST", "/complete")
    assert (await upload.ask("DELETE")).status == 204
    assert service.raw.stat(upload.key) is not None


async def test_nobody_else_can_go_on_with_an_upload(service: Service) -> None:
    upload = await begun(service)
    await upload.send(1, 2)
    for method, path, json in (
        ("POST", "/parts", {"parts": [1]}),
        ("GET", "/parts", None),
        ("POST", "/complete", None),
        ("DELETE", "", None),
    ):
        await problem(await upload.ask(method, path, user="eve", json=json), 404, "upload_not_found")
    assert len(service.raw_uploads.unfinished) == 1
    assert service.raw.stat(upload.key) is None


async def test_what_is_no_upload_in_parts_is_none(service: Service) -> None:
    whole = await (await service.post({**GOOD, "multipart": False})).json()
    for video_id in (whole["video_id"], "not-an-id", layout.mint_video_id("ada", service.now, b"\7\7\7\7")):
        response = await service.client.get(f"/v1/uploads/{video_id}/parts", headers=bearer("ada"))
        await problem(response, 404, "upload_not_found")


@pytest.mark.parametrize("numbers", [[], [0], [3], [1.5], ["1"], [True], list(range(1, 102)), None, "1"])
async def test_parts_that_there_are_none_of_are_not_signed(service: Service, numbers: Any) -> None:
    upload = await begun(service)
    await problem(await upload.ask("POST", "/parts", json={"parts": numbers}), 422, "invalid_request")


async def test_parts_may_be_named_and_must_then_be_there_as_named(service: Service) -> None:
    upload = await begun(service)
    await upload.send(1, 2)
    there = (await (await upload.ask("GET", "/parts")).json())["parts"]
    named = [{"number": part["number"], "etag": f'"{part["etag"]}"'} for part in there]
    wrong = [named[0], {**named[1], "etag": named[0]["etag"]}]
    await problem(await upload.ask("POST", "/complete", json={"parts": wrong}), 409, "upload_incomplete")
    await problem(await upload.ask("POST", "/complete", json={"parts": [*named, *named]}), 422, "invalid_request")
    assert (await upload.ask("POST", "/complete", json={"parts": named[::-1]})).status == 200


async def test_a_checksum_of_the_whole_is_compared_at_the_end(service: Service) -> None:
    body = b"x" * 100
    wrong = await begun(service, size=100, checksum={"algorithm": "crc64nvme", "value": crc64nvme(b"y" * 100)})
    await wrong.send(1, body=body)
    await problem(await wrong.ask("POST", "/complete"), 422, "upload_refused")
    right = await begun(service, size=100, checksum={"algorithm": "crc64nvme", "value": crc64nvme(body)})
    await right.send(1, body=body)
    assert (await right.ask("POST", "/complete")).status == 200


@pytest.mark.parametrize(
    "checksum",
    [
        {},
        {"algorithm": "md5", "value": ""},
        {"algorithm": "crc64nvme", "value": "?"},
        {"algorithm": "crc64nvme"},
        {"algorithm": "sha256", "value": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
        "x",
    ],
)
async def test_a_checksum_that_cannot_be_compared_is_refused(service: Service, checksum: Any) -> None:
    body = await problem(await service.post({**GOOD, "checksum": checksum}), 422, "invalid_request")
    assert body["field"] == "checksum"


async def test_the_checksum_of_a_whole_file_is_signed(service: Service) -> None:
    sha256 = {"algorithm": "sha256", "value": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
    body = await (await service.post({**GOOD, "multipart": False, "checksum": sha256})).json()
    assert body["upload"]["headers"]["x-amz-checksum-sha256"] == sha256["value"]


async def test_a_list_of_ten_thousand_parts_is_no_body_too_large(service: Service) -> None:
    upload = await begun(service)
    named = [{"number": number, "etag": f'"{number:032x}"'} for number in range(1, 10_001)]
    await problem(await upload.ask("POST", "/complete", json={"parts": named}), 409, "upload_incomplete")
