"""What happens around every request, the probes, and the server's life."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import aiohttp
import pytest
import structlog
from aiohttp import web

from tests.process.http_service import HTTP, Service, bearer, problem
from vidctl import logs
from vidctl.errors import InvalidSettings, PortInUse
from vidctl.http.app import serving
from vidctl.http.origin import bucket_origin

LARGE = 16 * 1024**2


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service(http=HTTP.model_copy(update={"request_timeout": timedelta(milliseconds=200)}))
    service.extra = [web.get("/broken", broken), web.get("/stuck", stuck), web.get("/away", away)]
    async with service.running():
        yield service


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    text, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    logs.configure(level="info", json=True, stream=text)
    yield text
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


async def broken(_request: web.Request) -> web.Response:
    raise RuntimeError("the secret is 42")


async def stuck(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def away(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/elsewhere")


# --- problems -----------------------------------------------------------------------------------------------------


async def test_an_unknown_path_is_a_problem(service: Service) -> None:
    await problem(await service.client.get("/nowhere"), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE", "PROPFIND"])
async def test_another_method_is_a_problem_that_names_the_right_one(service: Service, method: str) -> None:
    response = await service.client.request(method, "/v1/uploads")
    await problem(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


async def test_a_defect_tells_the_client_nothing_and_the_log_everything(service: Service, log: io.StringIO) -> None:
    body = await problem(await service.client.get("/broken"), 500, "internal")
    assert "42" not in json.dumps(body)
    assert "the secret is 42" in log.getvalue()
    assert service.counted("vidctl_http_requests_total", route="/broken", method="GET", status="500") == 1


async def test_a_redirect_stays_one(service: Service) -> None:
    response = await service.client.get("/away", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, "/elsewhere")


async def test_an_answer_that_takes_too_long_is_given_up(service: Service) -> None:
    response = await service.client.get("/stuck")
    await problem(response, 503, "timeout")
    assert response.headers["Retry-After"]


async def test_a_body_that_comes_too_slowly_is_given_up(service: Service) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    response = await service.client.post("/v1/uploads", data=slow(), headers=bearer("ada"))
    await problem(response, 408, "request_timeout")


async def test_a_body_that_is_not_what_its_header_says_is_a_problem(service: Service) -> None:
    headers = {**bearer("ada"), "Content-Encoding": "gzip"}
    response = await service.client.post("/v1/uploads", data=b"not gzip", headers=headers)
    await problem(response, 400, "unreadable_body")


async def test_a_compressed_bomb_is_cut_off(service: Service) -> None:
    headers = {**bearer("ada"), "Content-Encoding": "gzip"}
    bomb = gzip.compress(b" " * 50_000_000)
    response = await service.client.post("/v1/uploads", data=bomb, headers=headers)
    await problem(response, 413, "request_entity_too_large")


async def test_a_client_that_goes_away_is_no_defect(service: Service, log: io.StringIO) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    head = f"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer('ada')['Authorization']}\r\n"
    writer.write(f"{head}Content-Length: 9\r\n\r\n{{".encode())
    await writer.drain()
    # Two turns of the server are enough for it to wait for the rest of the body.
    await service.client.get("/healthz")
    writer.transport.abort()
    await service.client.get("/healthz")
    assert service.counted("vidctl_http_requests_total", route="/v1/uploads", method="POST", status="499") == 1
    assert "unexpected" not in log.getvalue()


async def test_a_client_that_does_not_wait_for_its_answer_is_counted_as_gone() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def waits(_request: web.Request) -> web.Response:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError

    service = Service()
    service.extra = [web.get("/waits", waits)]
    async with asyncio.timeout(5), serving(await service.app(), host="127.0.0.1", port=0) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")
        await entered.wait()
        writer.transport.abort()
        await left.wait()
    assert service.counted("vidctl_http_requests_total", route="/waits", method="GET", status="499") == 1


async def test_what_is_no_http_is_refused_and_not_quoted(service: Service, log: io.StringIO) -> None:
    for text in (
        b"BREW /v1/videos/x?token=hidden HTTP/1.1\r\n\r\n",
        b"GET /x?hidden\0 HTTP/1.1\r\n\r\n",
        b"\x16\x03hidden\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(text)
        assert b" 400 " in await reader.readline()
        writer.close()
    assert "hidden" not in log.getvalue()


# --- around every request -----------------------------------------------------------------------------------------


async def test_every_answer_carries_the_security_headers(service: Service) -> None:
    for path in ("/", "/healthz", "/nowhere", "/v1/uploads", "/broken"):
        headers = (await service.client.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


async def test_requests_are_counted_by_route_and_never_by_video(service: Service) -> None:
    for number in range(3):
        await service.get(f"unknown-{number}")
        await service.client.get(f"/nowhere/{number}")
        await service.client.request("PROPFIND", "/healthz")
    counted = {
        tuple(sample.labels.values()): sample.value
        for metric in service.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "vidctl_http_requests_total"
    }
    assert counted == {
        ("/v1/videos/{video_id}", "GET", "404"): 3,
        ("unmatched", "GET", "404"): 3,
        ("unmatched", "other", "405"): 3,
    }
    assert service.counted("vidctl_http_request_seconds_count", route="/v1/videos/{video_id}") == 3


async def test_the_log_has_one_line_a_request_without_tokens_or_queries(service: Service, log: io.StringIO) -> None:
    token = bearer("ada")["Authorization"]
    await service.client.get("/v1/videos/x?token=hidden", headers={"Authorization": token})
    await service.client.post("/v1/uploads?token=hidden", headers={"Authorization": token + "x"})
    lines = [json.loads(line) for line in log.getvalue().splitlines() if '"request"' in line]
    assert [(line["route"], line["method"], line["status"]) for line in lines] == [
        ("/v1/videos/{video_id}", "GET", 404),
        ("/v1/uploads", "POST", 401),
    ]
    assert "hidden" not in log.getvalue()
    assert token.split()[1] not in log.getvalue()


async def test_a_signed_url_is_never_logged(service: Service, log: io.StringIO) -> None:
    response = await service.post({"filename": "a.mp4", "content_type": "video/mp4", "size": 1})
    url = (await response.json())["upload"]["url"]
    assert "upload_signed" in log.getvalue()
    assert url not in log.getvalue()


# --- probes -------------------------------------------------------------------------------------------------------


async def test_probes_follow_the_process(service: Service) -> None:
    assert (await service.client.get("/healthz")).status == 200
    assert (await service.client.get("/readyz")).status == 200
    service.not_ready = "draining"
    response = await service.client.get("/readyz")
    assert (response.status, await response.json()) == (503, {"status": "unavailable", "reason": "draining"})
    assert (await service.client.get("/healthz")).status == 200
    service.not_alive = "the loop made no progress for 300 s"
    assert (await service.client.get("/healthz")).status == 503


async def test_metrics_are_prometheus_text(service: Service) -> None:
    response = await service.client.get("/metrics")
    assert response.content_type == "text/plain"
    assert 'vidctl_auth_refused_total{reason="expired"} 0.0' in await response.text()


# --- origins -------------------------------------------------------------------------------------------------------


async def test_the_origin_of_a_bucket_is_that_of_its_signed_urls(service: Service) -> None:
    assert await bucket_origin(service.raw) == "memory://raw-bucket"


# --- the server ---------------------------------------------------------------------------------------------------


async def test_a_port_in_use_is_named() -> None:
    async with serving(await Service().app(), host="127.0.0.1", port=0) as port:
        with pytest.raises(PortInUse, match=f"port {port} on 127.0.0.1 is in use.*VIDCTL_HTTP_PORT"):
            async with serving(await Service().app(), host="127.0.0.1", port=port):
                pass
    async with serving(await Service().app(), host="127.0.0.1", port=port):
        pass


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
async def test_an_address_that_is_not_ours_is_a_wrong_setting(host: str) -> None:
    with pytest.raises(InvalidSettings, match="VIDCTL_HTTP_HOST"):
        async with serving(await Service().app(), host=host, port=0):
            pass


async def test_an_open_request_is_finished_before_the_server_ends() -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        entered.set()
        await go.wait()
        return web.Response(text="done")

    service = Service()
    service.extra = [web.get("/slow", slow)]
    async with aiohttp.ClientSession() as session:
        async with serving(await service.app(), host="127.0.0.1", port=0) as port:
            request = asyncio.ensure_future(session.get(f"http://127.0.0.1:{port}/slow"))
            await entered.wait()
            asyncio.get_running_loop().call_later(0.05, go.set)
        assert await (await request).text() == "done"
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(f"http://127.0.0.1:{port}/healthz")


async def test_a_request_that_never_ends_does_not_hold_the_shutdown() -> None:
    service = Service()
    service.extra = [web.get("/stuck", stuck)]
    async with aiohttp.ClientSession() as session, asyncio.timeout(5):
        app = await service.app()
        async with serving(app, host="127.0.0.1", port=0, shutdown=timedelta(milliseconds=100)) as port:
            request = asyncio.ensure_future(session.get(f"http://127.0.0.1:{port}/stuck"))
            await session.get(f"http://127.0.0.1:{port}/healthz")
            assert not request.done()
        with pytest.raises(aiohttp.ClientError):
            await request


async def test_a_connection_that_brings_no_request_is_closed_and_others_are_not() -> None:
    limit = timedelta(milliseconds=50)
    async with serving(await Service().app(), host="127.0.0.1", port=0, silence=limit) as port, asyncio.timeout(10):
        heard, speaking = await asyncio.open_connection("127.0.0.1", port)
        speaking.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await heard.readline()
        silent, half = await asyncio.open_connection("127.0.0.1", port)
        half.write(b"GET /healthz HTTP/1.1\r\nX-a: ")
        assert await silent.read() == b""
        speaking.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await heard.readuntil(b'{"status": "ok"}')
        assert b"200 OK" in await heard.readline()
        half.close()
        speaking.close()


async def test_who_takes_nothing_of_his_answer_is_cut_off_and_who_takes_some_is_not() -> None:
    service = Service()
    service.extra.append(web.get("/large", large))
    limit = timedelta(seconds=1)
    async with (
        serving(await service.app(), host="127.0.0.1", port=0, stall=limit) as port,
        asyncio.timeout(60),
        asked(port) as idle,
        asked(port) as reader,
    ):
        taken = 0
        while taken < LARGE:
            more = await reader.read(256 * 1024)
            assert more
            taken += len(more)
            await asyncio.sleep(0.06)  # real time: he takes twice the limit and more, and something in each part of it
        got = 0
        with suppress(ConnectionError):
            # What the kernels hold comes yet, and then the end.
            while more := await idle.read(1024**2):
                got += len(more)
        assert got < LARGE


async def large(_: web.Request) -> web.Response:
    return web.Response(body=bytes(LARGE))


@asynccontextmanager
async def asked(port: int) -> AsyncIterator[asyncio.StreamReader]:
    """Give what is read by a client who has asked for something large."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=64 * 1024)
    writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        yield reader
    finally:
        writer.close()
