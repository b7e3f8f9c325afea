"""Requests that can be understood in two ways, or are too long: bytes on a socket, as no client sends them."""

from __future__ import annotations

import asyncio

import pytest

from tests.process.http_service import Service, bearer

BODY = b'{"filename": "clip.mp4", "content_type": "video/mp4", "size": 3}'


async def said(service: Service, *lines: str, body: bytes = BODY) -> bytes:
    """Send a request of these header lines; return all that comes back until the server has done."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    token = bearer("ada")["Authorization"]
    head = ("POST /v1/uploads HTTP/1.1", "Host: x", f"Authorization: {token}", "Connection: close", *lines)
    writer.write("\r\n".join((*head, "", "")).encode() + body)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


SMUGGLED = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ((f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"), SMUGGLED),
        ((f"Content-Length: {len(BODY)}", "Content-Length: 3"), BODY),
        (("Content-Length: +3",), BODY),
        (("Content-Length: -3",), BODY),
        (("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), SMUGGLED),
        ((f"Content-Length: {len(BODY)}", "X: a\0b"), BODY),
        ((f"Content-Length: {len(BODY)}", "X: " + "a" * 70_000), BODY),
    ],
)
async def test_what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    lines: tuple[str, ...], body: bytes
) -> None:
    async with Service().running() as service:
        answer = await said(service, *lines, body=body)
        assert answer.startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))
        assert answer.count(b"HTTP/1.") == 1
        assert not service.final.keys("uploads/")


async def test_a_body_beyond_the_limit_is_refused_though_its_length_is_not_told() -> None:
    async with Service().running() as service:
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        answer = await said(service, "Transfer-Encoding: chunked", body=chunk * 3 + b"0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413")


async def test_the_honest_request_of_these_is_answered() -> None:
    async with Service().running() as service:
        assert (await said(service, f"Content-Length: {len(BODY)}")).startswith(b"HTTP/1.1 201")
