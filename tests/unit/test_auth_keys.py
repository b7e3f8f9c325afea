"""The issuer's key set: rotation, outages and hostile answers, from a real server on the loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from prometheus_client import CollectorRegistry

from vidctl.errors import Malformed
from vidctl.http.access.auth import Authenticator, InvalidToken, Permission
from vidctl.http.access.documents import FETCH_TIMEOUT, Documents
from vidctl.http.access.keys import KeySet, KeysUnavailable, UnknownKey, open_keys, parse_key_set
from vidctl.metrics import Metrics
from vidctl.settings import AuthSettings

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
COOLDOWN, LIFETIME = timedelta(seconds=5), timedelta(minutes=5)


def jwk(key_id: str | None, key: Any = EC, **fields: Any) -> dict[str, Any]:
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    entry = json.loads(algorithm.to_jwk(key.public_key())) | fields
    return entry if key_id is None else {**entry, "kid": key_id}


class Issuer:
    """A key set that can be rotated, slowed down and broken, and a clock that can be set forward."""

    def __init__(self) -> None:
        self.keys: list[Any] = [jwk("one")]
        self.body: bytes | None = None
        self.status = 200
        self.headers: dict[str, str] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.reads = 0
        self.asked = asyncio.Event()
        self.now = datetime(2026, 11, 22, tzinfo=UTC)

    async def answer(self, _request: web.Request) -> web.Response:
        self.reads += 1
        self.asked.set()
        await self.gate.wait()
        body = self.body if self.body is not None else json.dumps({"keys": self.keys}).encode()
        return web.Response(body=body, status=self.status, headers=self.headers, content_type="application/json")

    def wait(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@asynccontextmanager
async def key_set(issuer: Issuer, *, timeout: timedelta = FETCH_TIMEOUT) -> AsyncIterator[KeySet]:  # noqa: ASYNC109
    app = web.Application()
    app.router.add_get("/jwks", issuer.answer)

    async def address() -> str:
        return str(server.make_url("/jwks"))

    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        try:
            yield KeySet(
                address,
                documents=Documents(session, timeout=timeout),
                lifetime=LIFETIME,
                cooldown=COOLDOWN,
                clock=lambda: issuer.now,
            )
        finally:
            issuer.gate.set()


# --- remembering --------------------------------------------------------------------------------------------------


async def test_a_key_set_is_read_once_for_its_lifetime(issuer: Issuer) -> None:
    async with key_set(issuer) as keys:
        for _ in range(3):
            assert isinstance(await keys.key("one", "ES256"), EllipticCurvePublicKey)
        assert issuer.reads == 1
        issuer.wait(LIFETIME)
        await keys.key("one", "ES256")
        assert issuer.reads == 2


async def test_many_requests_at_once_cost_one_read(issuer: Issuer) -> None:
    issuer.gate.clear()
    async with key_set(issuer) as keys:
        waiting = [asyncio.ensure_future(keys.key("one", "ES256")) for _ in range(20)]
        await issuer.asked.wait()
        issuer.gate.set()
        assert len(await asyncio.gather(*waiting)) == 20
        assert issuer.reads == 1


async def test_a_rotated_key_is_found_by_its_unknown_id(issuer: Issuer) -> None:
    async with key_set(issuer) as keys:
        await keys.key("one", "ES256")
        issuer.keys = [jwk("two", RSA)]
        issuer.wait(COOLDOWN)
        assert isinstance(await keys.key("two", "RS256"), RSAPublicKey)
        with pytest.raises(UnknownKey):
            await keys.key("one", "ES256")


async def test_made_up_key_ids_cost_at_most_one_read_in_a_cooldown(issuer: Issuer) -> None:
    async with key_set(issuer) as keys:
        await keys.key("one", "ES256")
        for second in range(10):
            with pytest.raises(UnknownKey):
                await keys.key(f"made up {second}", "ES256")
            issuer.wait(timedelta(seconds=1))
        assert issuer.reads == 2


# --- outages ------------------------------------------------------------------------------------------------------


async def test_known_keys_are_kept_through_an_outage(issuer: Issuer) -> None:
    async with key_set(issuer) as keys:
        await keys.key("one", "ES256")
        issuer.status = 500
        for _ in range(5):
            issuer.wait(LIFETIME)
            await keys.key("one", "ES256")
        assert issuer.reads == 6
        issuer.status = 200
        issuer.keys = [jwk("two")]
        issuer.wait(COOLDOWN)
        await keys.key("two", "ES256")


async def test_no_key_is_kept_for_ever(issuer: Issuer) -> None:
    async with key_set(issuer) as keys:
        await keys.key("one", "ES256")
        issuer.status = 500
        issuer.wait(timedelta(hours=25))
        with pytest.raises(KeysUnavailable):
            await keys.key("one", "ES256")


async def test_without_any_key_nobody_is_called_a_liar(issuer: Issuer) -> None:
    issuer.status = 503
    async with key_set(issuer) as keys:
        with pytest.raises(KeysUnavailable):
            await keys.key("one", "ES256")


async def test_a_slow_issuer_stops_nobody_with_a_known_key(issuer: Issuer) -> None:
    async with key_set(issuer) as keys:
        await keys.key("one", "ES256")
        issuer.gate.clear()
        issuer.asked.clear()
        issuer.wait(LIFETIME)
        first = asyncio.ensure_future(keys.key("one", "ES256"))
        await issuer.asked.wait()
        async with asyncio.timeout(1):
            await keys.key("one", "ES256")
        assert not first.done()
        issuer.gate.set()
        await first


async def test_an_issuer_that_never_answers_is_given_up(issuer: Issuer) -> None:
    issuer.gate.clear()
    async with key_set(issuer, timeout=timedelta(milliseconds=50)) as keys:
        with pytest.raises(KeysUnavailable):
            await keys.key("one", "ES256")


async def test_a_caller_that_goes_away_leaves_the_set_usable(issuer: Issuer) -> None:
    issuer.gate.clear()
    async with key_set(issuer) as keys:
        first = asyncio.ensure_future(keys.key("one", "ES256"))
        await issuer.asked.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        issuer.gate.set()
        issuer.wait(COOLDOWN)
        await keys.key("one", "ES256")


# --- hostile and odd answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b" " * 300_000, b"not json", b"[]", b'{"keys": {}}', b'{"keys": []}', b"[" * 5000, b'{"keys": [1, null]}']
)
async def test_an_answer_that_is_no_key_set_changes_nothing(issuer: Issuer, body: bytes) -> None:
    async with key_set(issuer) as keys:
        await keys.key("one", "ES256")
        issuer.body = body
        issuer.wait(LIFETIME)
        await keys.key("one", "ES256")
        assert issuer.reads == 2


async def test_a_redirect_is_not_followed(issuer: Issuer) -> None:
    issuer.status, issuer.headers = 302, {"Location": "/jwks"}
    async with key_set(issuer) as keys:
        with pytest.raises(KeysUnavailable):
            await keys.key("one", "ES256")
        assert issuer.reads == 1


def test_secrets_private_and_foreign_keys_are_left_out() -> None:
    good = jwk("good")
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"}
    private = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC)) | {"kid": "private"}
    others = [jwk("enc", use="enc"), {"kty": "odd", "kid": "odd"}, {"kty": "EC", "crv": "P-256"}, jwk("x") | {"kid": 7}]
    # What the library raises for these is none of its own errors.
    others += [{"kty": "oct", "kid": "empty"}, jwk("none") | {"alg": "none"}]
    found = parse_key_set({"keys": [secret, private, *others, good]})
    assert [key.key_id for key in found] == ["good"]
    with pytest.raises(Malformed, match="none of them"):
        parse_key_set({"keys": [secret]})


async def test_the_settings_name_the_set() -> None:
    async with open_keys(
        AuthSettings(jwks_url="http://127.0.0.1:9/"), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
    ) as keys:
        with pytest.raises(KeysUnavailable):
            await keys.key("one", "ES256")


# --- which key ----------------------------------------------------------------------------------------------------


async def test_a_token_without_a_key_id_needs_a_set_with_one_fitting_key(issuer: Issuer) -> None:
    issuer.keys = [jwk("one", EC), jwk("two", RSA)]
    async with key_set(issuer) as keys:
        assert isinstance(await keys.key(None, "RS256"), RSAPublicKey)
        issuer.keys.append(jwk("three", RSA))
        issuer.wait(LIFETIME)
        # Refreshed by an unknown id; the two RSA keys are then both possible.
        with pytest.raises(UnknownKey):
            await keys.key("four", "RS256")
        with pytest.raises(UnknownKey):
            await keys.key(None, "RS256")


async def test_a_key_limited_to_an_algorithm_serves_no_other(issuer: Issuer) -> None:
    issuer.keys = [jwk("one", RSA, alg="PS256")]
    async with key_set(issuer) as keys:
        assert isinstance(await keys.key("one", "PS256"), RSAPublicKey)
        with pytest.raises(UnknownKey):
            await keys.key("one", "RS256")


async def test_the_public_key_of_a_set_is_no_secret(issuer: Issuer) -> None:
    async with key_set(issuer) as keys:
        with pytest.raises(UnknownKey):
            await keys.key("one", "HS256")


async def test_a_token_of_the_set_is_accepted_and_a_strangers_refused(issuer: Issuer) -> None:
    claims = {"sub": "ada", "exp": datetime.now(UTC) + timedelta(minutes=5)}  # noqa: TID251 - the library's own clock
    stranger = ec.generate_private_key(ec.SECP256R1())
    settings = AuthSettings(jwks_url="https://unused")
    async with key_set(issuer) as keys:
        door = Authenticator(settings=settings, keys=keys, metrics=Metrics(CollectorRegistry()))
        good = jwt.encode(claims, EC, "ES256", headers={"kid": "one"})
        assert (await door.caller((f"Bearer {good}",), Permission.READ)).user_id == "ada"
        for text in (
            jwt.encode(claims, stranger, "ES256", headers={"kid": "one"}),
            jwt.encode(claims, stranger, "ES256", headers={"kid": "two", "jku": "http://evil/jwks"}),
        ):
            with pytest.raises(InvalidToken) as caught:
                await door.caller((f"Bearer {text}",), Permission.READ)
            assert caught.value.reason == "signature"
