"""A webhook is signed, goes where it may and nowhere else, and believes no answer but a success."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests import builders as b
from vidctl.dispatch import event
from vidctl.errors import NotTold, NotWanted
from vidctl.webhooks.addresses import forbidden
from vidctl.webhooks.receiver import Webhook, open_way
from vidctl.webhooks.signature import signature

SECRETS = (b"n" * 32, b"o" * 32)
EVENT = event(b.notice())
LOOPBACK = (ip_network("127.0.0.0/8"),)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Lookups:
    """A resolver of the test's own, which answers each question with the next of its answers, the last for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def receiving(handler: Handler) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app, host="127.0.0.1")
    async with server:
        yield server


async def told(url: str, lookup: Lookups, *, allowed: Sequence[object] = LOOPBACK, seconds: float = 5) -> None:
    async with open_way(within=timedelta(seconds=seconds), allowed=allowed, lookup=lookup) as way:  # type: ignore[arg-type]
        await Webhook(url, way=way, secrets=SECRETS, clock=lambda: b.NOW).tell(EVENT)


async def refused(url: str, lookup: Lookups, **known: object) -> str:
    with pytest.raises(NotTold) as caught:
        await told(url, lookup, **known)  # type: ignore[arg-type]
    assert "secret-path" not in str(caught.value)
    return caught.value.reason


def answering(status: int, **headers: str) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    return answer


async def test_what_is_posted_is_the_event_with_a_signature_for_each_secret() -> None:
    got: list[tuple[str, bytes, dict[str, str]]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.path_qs, await request.read(), dict(request.headers)))
        return web.Response(status=204)

    async with receiving(take) as server:
        host = f"hooks.test:{server.port}"
        await told(f"http://{host}/secret-path?a=b", Lookups(["127.0.0.1"]))
    ((path, body, headers),) = got
    assert (path, body) == ("/secret-path?a=b", EVENT.body)
    assert headers["Vidctl-Event-Id"] == EVENT.id
    assert headers["Content-Type"] == "application/json"
    assert headers["Host"] == host
    time, *signatures = headers["Vidctl-Signature"].split(",")
    signed = f"{int(b.NOW.timestamp())}.".encode() + body
    assert time == f"t={int(b.NOW.timestamp())}"
    assert signatures == [f"v1={hmac.new(secret, signed, sha256).hexdigest()}" for secret in SECRETS]


def test_another_time_body_or_secret_has_another_signature() -> None:
    first = signature(b"{}", at=b.NOW, secrets=SECRETS[:1])
    others = {
        signature(b"{}", at=b.ago(seconds=1), secrets=SECRETS[:1]),
        signature(b"{ }", at=b.NOW, secrets=SECRETS[:1]),
        signature(b"{}", at=b.NOW, secrets=SECRETS[1:]),
    }
    assert len(others | {first}) == 4


@pytest.mark.parametrize(
    ("status", "reason"), [(500, "refused"), (404, "refused"), (429, "refused"), (304, "redirected")]
)
async def test_any_answer_but_a_success_is_to_be_told_again(status: int, reason: str) -> None:
    async with receiving(answering(status)) as server:
        assert await refused(f"http://hooks.test:{server.port}/secret-path", Lookups(["127.0.0.1"])) == reason


async def test_a_receiver_that_is_gone_for_good_says_410() -> None:
    async with receiving(answering(410)) as server:
        with pytest.raises(NotWanted):
            await told(f"http://hooks.test:{server.port}/", Lookups(["127.0.0.1"]))


async def test_a_redirect_is_not_followed_wherever_it_leads() -> None:
    asked: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": "/inside"})

    async with receiving(redirect) as server:
        assert await refused(f"http://hooks.test:{server.port}/secret-path", Lookups(["127.0.0.1"])) == "redirected"
    assert asked == ["/secret-path"]


async def test_a_receiver_that_does_not_answer_in_time_may_have_the_event() -> None:
    done = asyncio.Event()

    async def wait(_request: web.Request) -> web.Response:
        await done.wait()
        return web.Response()

    async with receiving(wait) as server:
        url = f"http://hooks.test:{server.port}/secret-path"
        assert await refused(url, Lookups(["127.0.0.1"]), seconds=0.2) == "timeout"
        done.set()


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * 4096)
        except ConnectionError:
            return answer

    async with receiving(stream) as server:
        await told(f"http://hooks.test:{server.port}/", Lookups(["127.0.0.1"]))


async def test_nobody_there_is_unreachable() -> None:
    async with receiving(answering(200)) as server:
        url = f"http://hooks.test:{server.port}/secret-path"
    assert await refused(url, Lookups(["127.0.0.1"])) == "unreachable"


async def test_a_name_of_a_private_address_is_not_connected_to() -> None:
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async with receiving(note) as server:
        url = f"http://hooks.test:{server.port}/secret-path"
        for addresses in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"]):
            assert await refused(url, Lookups(addresses), allowed=()) == "forbidden_address"
        assert (
            await refused(f"http://127.0.0.1:{server.port}/secret-path", Lookups([]), allowed=()) == "forbidden_address"
        )
    assert asked == []


async def test_a_name_is_looked_up_once_and_what_was_checked_is_what_is_connected_to() -> None:
    """DNS rebinding: a second look would have found another address."""
    got: list[str] = []

    async def note(request: web.Request) -> web.Response:
        got.append(request.host)
        return web.Response()

    async with receiving(note) as server:
        lookup = Lookups(["127.0.0.1"], ["169.254.169.254"])
        url = f"http://hooks.test:{server.port}/secret-path"
        await told(url, lookup)
        assert lookup.asked == ["hooks.test"]
        assert await refused(url, lookup) == "forbidden_address"
    assert len(got) == 1


async def test_each_event_is_looked_up_and_checked_anew() -> None:
    """No connection is kept: it would outlive the check."""
    async with receiving(answering(200)) as server:
        lookup = Lookups(["127.0.0.1"], ["10.0.0.1"])
        url = f"http://hooks.test:{server.port}/"
        async with open_way(within=timedelta(seconds=5), allowed=LOOPBACK, lookup=lookup) as way:
            hook = Webhook(url, way=way, secrets=SECRETS, clock=lambda: b.NOW)
            await hook.tell(EVENT)
            with pytest.raises(NotTold):
                await hook.tell(EVENT)


CLOSED = """0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255
192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 :: ::1 ::7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::a00:1 64:ff9b::a9fe:a9fe
64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1:: 3fff::1 4000::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0
fec0::1 ff02::1 nonsense"""


@pytest.mark.parametrize("address", CLOSED.split())
def test_an_address_inside_is_forbidden_however_it_is_written(address: str) -> None:
    assert forbidden(["8.8.8.8", address]) == address


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_fine(address: str) -> None:
    assert forbidden([address]) is None


def test_an_allowed_network_is_fine_and_no_other() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert forbidden(["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"], allowed=allowed) is None
    assert forbidden(["10.2.0.1"], allowed=allowed) == "10.2.0.1"
