"""The API behind a real OpenID Connect provider of which it knows the address alone."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import jwt
from aiohttp import ClientResponse
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.oidc.conftest import Provider
from tests.process.http_service import Service, problem
from vidctl.http.access.keys import open_keys
from vidctl.settings import AuthSettings

WANTED = {"filename": "clip.mp4", "content_type": "video/mp4", "size": 3}
COOLDOWN, LIFETIME = timedelta(seconds=5), timedelta(minutes=5)


@asynccontextmanager
async def behind(provider: Provider) -> AsyncIterator[Service]:
    auth = AuthSettings(issuer=provider.issuer, audience="vidctl", upload_scope="video:write")
    service = Service(auth=auth)
    async with open_keys(auth, clock=lambda: service.now) as service.keys, service.running():
        yield service


async def upload(service: Service, token: str) -> ClientResponse:
    return await service.client.post("/v1/uploads", json=WANTED, headers={"Authorization": f"Bearer {token}"})


async def good(provider: Provider) -> str:
    return await provider.token(aud="vidctl", scope="openid video:write")


def forged(header: dict[str, str], claims: dict[str, object], secret: bytes) -> str:
    """Return a token that the library would refuse to make."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signed = jwt.get_algorithm_by_name("HS256").sign(b".".join(parts), secret) if header["alg"] == "HS256" else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signed).rstrip(b"=")]).decode()


async def test_the_address_of_the_provider_is_all_that_is_needed(provider: Provider) -> None:
    await provider.up()
    async with behind(provider) as service:
        assert (await upload(service, await good(provider))).status == 201
        for claims, status, code in (
            ({"scope": "video:write"}, 401, "invalid_token"),  # no audience
            ({"scope": "video:write", "aud": "another"}, 401, "invalid_token"),
            ({"scope": "video:write", "aud": "vidctl", "iss": "https://evil.example"}, 401, "invalid_token"),
            ({"scope": "video:write", "aud": "vidctl", "exp": 1_000_000_000}, 401, "invalid_token"),
            ({"scope": "openid", "aud": "vidctl"}, 403, "insufficient_scope"),
        ):
            await problem(await upload(service, await provider.token(**claims)), status, code)


async def test_keys_are_rotated_while_the_service_runs(provider: Provider) -> None:
    await provider.up()
    async with behind(provider) as service:
        old = await good(provider)
        assert (await upload(service, old)).status == 201
        service.wait(COOLDOWN)
        for algorithm in ("ES256", "RS256"):
            await provider.order(f"rotate {algorithm}")
            assert (await upload(service, await good(provider))).status == 201
            assert (await upload(service, old)).status == 201
            service.wait(COOLDOWN)
        # Its key is published no more, as after a theft: the next reading forgets it.
        await provider.order(f"retire {jwt.get_unverified_header(old)['kid']}")
        service.wait(LIFETIME)
        await problem(await upload(service, old), 401, "invalid_token")
        assert (await upload(service, await good(provider))).status == 201


async def test_the_service_starts_before_its_provider_and_outlasts_it(provider: Provider) -> None:
    await provider.up()
    token = await good(provider)
    await provider.down()
    async with behind(provider) as service:
        response = await upload(service, token)
        await problem(response, 503, "keys_unavailable")
        assert int(response.headers["Retry-After"]) >= COOLDOWN.total_seconds()
        assert (await service.client.get("/readyz")).status == 200
        service.wait(COOLDOWN)
        await provider.up()
        fresh = await good(provider)
        assert (await upload(service, fresh)).status == 201
        # It is another process now, with other keys.
        await problem(await upload(service, token), 401, "invalid_token")
        await provider.down()
        for _ in range(5):
            service.wait(timedelta(hours=4))
            assert (await upload(service, fresh)).status == 201
        service.wait(timedelta(hours=5))
        await problem(await upload(service, fresh), 503, "keys_unavailable")


async def test_a_provider_that_calls_itself_otherwise_is_not_believed(provider: Provider) -> None:
    await provider.up()
    async with behind(provider) as service:
        await provider.order(f"rename {provider.issuer}/")
        await problem(await upload(service, await good(provider)), 503, "keys_unavailable")
        await provider.order(f"rename {provider.issuer}")
        service.wait(COOLDOWN)
        assert (await upload(service, await good(provider))).status == 201


async def test_what_a_provider_publishes_is_no_secret(provider: Provider) -> None:
    await provider.up()
    token = await good(provider)
    claims, header = jwt.decode(token, options={"verify_signature": False}), jwt.get_unverified_header(token)
    async with behind(provider) as service, aiohttp.ClientSession() as session:
        [entry] = (await (await session.get(f"{provider.issuer}/jwks")).json())["keys"]
        public = jwt.PyJWK(entry).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for algorithm in ("HS256", "none"):
            token = forged({**header, "alg": algorithm}, {**claims, "sub": "eve"}, public)
            await problem(await upload(service, token), 401, "invalid_token")
