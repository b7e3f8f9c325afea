"""Small documents that the issuer of tokens publishes: read without blocking, within bounds of time and size."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import aiohttp

from vidctl.errors import VidctlError

FETCH_TIMEOUT = timedelta(seconds=5)
"""Time for one document: a request may wait for two in a row, within its own 15 s."""

MAX_BYTES = 256 * 1024
"""Far beyond any issuer's documents (a handful of keys of 2 KiB), and small enough to parse on the loop."""


class DocumentUnavailable(VidctlError):
    """The document cannot be read, or is none; the message says why, for our log."""

    code = "document_unavailable"


class Documents:
    """Reads JSON objects over HTTP. A redirect is not followed: who controls one answer would choose the next."""

    def __init__(self, session: aiohttp.ClientSession, *, timeout: timedelta = FETCH_TIMEOUT) -> None:
        self._session = session
        self._timeout = timeout

    async def read(self, url: str) -> dict[str, Any]:
        """Return the document.

        Raises:
            DocumentUnavailable: no answer in time, another status than 200, too long, or no JSON object.

        """
        try:
            body = await self._fetch(url)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DocumentUnavailable(f"{url}: {type(error).__name__}: {error}") from error
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise DocumentUnavailable(f"{url}: not JSON ({error})") from error
        if not isinstance(document, dict):
            raise DocumentUnavailable(f"{url}: not a JSON object")
        return document

    async def _fetch(self, url: str) -> bytes:
        body = bytearray()
        async with (
            asyncio.timeout(self._timeout.total_seconds()),
            self._session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if response.status != 200:  # noqa: PLR2004 - HTTP's own number
                raise DocumentUnavailable(f"{url}: status {response.status} is not 200")
            async for chunk in response.content.iter_chunked(16 * 1024):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise DocumentUnavailable(f"{url}: longer than {MAX_BYTES} bytes")
        return bytes(body)
