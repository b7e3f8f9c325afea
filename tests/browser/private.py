"""The same film behind links: in a private bucket that checks every signature, or behind a private distribution.

Three origins: the page with its player, vidctl, and whoever serves the objects.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import aiohttp
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from tests.browser.site import TYPES, Site, listening
from tests.contract import emulators
from tests.contract.worlds import EmulatedWorld, now
from tests.process.http_service import Service
from tests.workbench import KEY
from vidctl import layout
from vidctl.clients import open_clients
from vidctl.journal import Journal
from vidctl.layout import AttemptName
from vidctl.metrics import Metrics
from vidctl.model import AttemptNumber
from vidctl.ports import Objects, Reading
from vidctl.records import Manifest, Output
from vidctl.s3 import S3Objects
from vidctl.settings import PlaybackSettings
from vidctl.sigv4 import UrlSigner
from vidctl.worker.publish import IMMUTABLE

ATTEMPT = AttemptName(KEY, "a" * 26, AttemptNumber(1, 1))
PREFIX = layout.attempt_prefix(*ATTEMPT)

# As deploy/storage.yaml has it.
CORS = {
    "AllowedOrigins": ["*"],
    "AllowedMethods": ["GET", "HEAD"],
    "AllowedHeaders": ["range"],
    "ExposeHeaders": ["ETag", "Accept-Ranges", "Content-Length", "Content-Range"],
    "MaxAgeSeconds": 3600,
}


class Fading(S3Objects):
    """A bucket whose credentials are about to end."""

    async def reading(self, *, until: datetime) -> Reading:
        signer = await super().reading(until=until)
        assert isinstance(signer, UrlSigner)
        signer.expires_at = now()
        return signer


@asynccontextmanager
async def private_bucket(home: Path, objects: Mapping[str, bytes], kind: type[S3Objects]) -> AsyncIterator[S3Objects]:
    """Publish the objects in a bucket of an emulator that checks signatures."""
    with emulators.ministack(home) as endpoints:
        async with open_clients(Metrics(CollectorRegistry()), endpoints=endpoints) as clients:
            name = (await EmulatedWorld(clients, endpoints).objects())._bucket
            await clients.s3.call("put_bucket_cors", Bucket=name, CORSConfiguration={"CORSRules": [CORS]})
            bucket = kind(client=clients.s3, files=clients.files, bucket=name, clock=now)
            await publish(bucket, objects)
            yield bucket


async def publish(bucket: Objects, objects: Mapping[str, bytes]) -> None:
    """Write the objects as the worker does, and the manifest."""
    for name, body in objects.items():
        kind, sha256 = TYPES[PurePosixPath(name).suffix], hashlib.sha256(body).hexdigest()
        await bucket.upload(PREFIX + name, body, content_type=kind, sha256=sha256, cache_control=IMMUTABLE)
    names = dict.fromkeys(name.partition("/")[0] + ("/" if "/" in name else "") for name in objects)
    outputs = tuple(
        Output(name=name, key=PREFIX + name, content_type="", size_bytes=1, sha256="0f" * 32) for name in names
    )
    manifest = Manifest(
        key=KEY,
        job=ATTEMPT.job,
        number=ATTEMPT.number,
        source_etag="etag",
        uploaded_at=now(),
        published_at=now(),
        outputs=outputs,
    )
    await Journal(bucket).publish(manifest, replacing=None)


@asynccontextmanager
async def linked(bucket: Objects, site: Site, playback: PlaybackSettings) -> AsyncIterator[Site]:
    """Serve the links of vidctl over a bucket; the site's pages stay where they are."""
    service = Service(now=now(), playback=playback)
    service.final_port = bucket
    async with service.running():
        answer = await service.get(KEY.video_id, user=KEY.user_id)
        hls = (await answer.json())["playback"]["hls"]
        yield replace(site, media=hls.removesuffix("/master.m3u8"), refused=[], served=set())


async def statuses(url: str) -> tuple[int, int]:
    """Return the status of a redirect's address, and that of the same address without its signature."""
    async with aiohttp.ClientSession() as http:
        async with http.get(url, allow_redirects=False) as redirect:
            address = redirect.headers["Location"]
        async with http.get(address) as signed, http.get(address.partition("?")[0]) as unsigned:
            return signed.status, unsigned.status


# --- a distribution -----------------------------------------------------------------------------------------------


class Distribution:
    """CloudFront, as far as its documentation says what it checks."""

    def __init__(self, site: Site) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self._objects = replace(site, refused=[], served=set())
        self.url = ""

    @property
    def settings(self) -> PlaybackSettings:
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return PlaybackSettings(mode="cloudfront", base_url=self.url, key_pair_id="K123", private_key=SecretStr(pem))

    async def answer(self, request: web.Request) -> web.Response:
        if not self._allows(request):
            return web.Response(status=403)
        request.match_info["name"] = request.match_info["name"].removeprefix(PREFIX)
        return await self._objects.answer(request)

    def _allows(self, request: web.Request) -> bool:
        query = request.query
        policy = _raw(query["Policy"])
        try:
            self._key.public_key().verify(_raw(query["Signature"]), policy, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        (statement,) = json.loads(policy)["Statement"]
        start, star = statement["Resource"][:-1], statement["Resource"][-1]
        end = datetime.fromtimestamp(statement["Condition"]["DateLessThan"]["AWS:EpochTime"], tz=UTC)
        named = query["Key-Pair-Id"] == "K123" and query["Hash-Algorithm"] == "SHA256"
        return named and star == "*" and f"{self.url}{request.path}".startswith(start) and now() < end


def _raw(text: str) -> bytes:
    return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"), validate=True)


@asynccontextmanager
async def distribution(site: Site) -> AsyncIterator[Distribution]:
    """Serve the site's objects to whoever has a signature."""
    made, app = Distribution(site), web.Application()
    app.router.add_get("/{name:.+}", made.answer)
    async with listening(app) as made.url:
        yield made
