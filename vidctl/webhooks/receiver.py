"""A webhook as ``Receiver``: a signed POST to a host whose addresses were checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_address

import aiohttp
from yarl import URL

from vidctl import __version__
from vidctl.dispatch import Event
from vidctl.errors import NotTold, NotWanted
from vidctl.ports import Clock
from vidctl.webhooks.addresses import Network
from vidctl.webhooks.resolver import CheckedResolver, Lookup, system_lookup
from vidctl.webhooks.signature import EVENT_ID, SIGNATURE, signature

SUCCESS, REDIRECT, REFUSAL = 200, 300, 400
"""Where the classes of HTTP's answers begin (RFC 9110, section 15)."""
ANSWER = 4096
"""Bytes of an answer that are read before the connection is closed: nothing in it matters but its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How webhooks are reached, and ``within`` what time each must answer."""

    session: aiohttp.ClientSession
    resolver: CheckedResolver
    within: timedelta


@asynccontextmanager
async def open_way(
    *, within: timedelta, allowed: Sequence[Network], lookup: Lookup = system_lookup
) -> AsyncIterator[Way]:
    """Open the way to all webhooks: no proxy, no cookies, and a connection and a look-up for each event."""
    resolver = CheckedResolver(lookup, allowed=allowed)
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True, limit=0)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None),
    ) as session:
        yield Way(session=session, resolver=resolver, within=within)


class Webhook:
    """Implements ``Receiver`` for one URL. ``secrets`` are the newest first; each signs."""

    def __init__(self, url: str, *, way: Way, secrets: Sequence[bytes], clock: Clock) -> None:
        self._url = URL(url)
        self._way = way
        self._secrets = tuple(secrets)
        self._clock = clock

    async def tell(self, event: Event) -> None:
        """Post the event; see ``Receiver``. Only an answer 2xx in time means that it was taken."""
        host = self._url.host or ""
        try:
            async with asyncio.timeout(self._way.within.total_seconds()):
                if _is_address(host):
                    self._way.resolver.check(host, (host,))
                status = await self._post(event)
        except TimeoutError as error:
            raise NotTold(f"{host}: no answer within {self._way.within}", reason="timeout") from error
        except (aiohttp.ClientError, OSError) as error:
            # Not the error's text: it may have the whole URL in it, which may be a secret.
            raise NotTold(f"{host}: {type(error).__name__}", reason="unreachable") from error
        _judge(host, status)

    async def _post(self, event: Event) -> int:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"vidctl/{__version__}",
            EVENT_ID: event.id,
            SIGNATURE: signature(event.body, at=self._clock(), secrets=self._secrets),
        }
        request = self._way.session.post(self._url, data=event.body, headers=headers, allow_redirects=False)
        async with request as answer:
            await answer.content.read(ANSWER)
            return answer.status


def _judge(host: str, status: int) -> None:
    if SUCCESS <= status < REDIRECT:
        return
    if status == HTTPStatus.GONE:
        raise NotWanted(f"{host}: 410")
    # A redirect could lead anywhere, the inside of this network too.
    redirected = REDIRECT <= status < REFUSAL
    raise NotTold(f"{host}: {status}", reason="redirected" if redirected else "refused")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
