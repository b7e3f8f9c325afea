"""Where an OpenID Connect provider keeps its keys, told by the provider itself (OpenID Connect Discovery 1.0)."""

from __future__ import annotations

import re
from typing import Any

from vidctl import logs
from vidctl.errors import Malformed
from vidctl.fields import SECURE_URL
from vidctl.http.access.documents import Documents, DocumentUnavailable

WELL_KNOWN = "/.well-known/openid-configuration"

log = logs.get(__name__)


class Provider:
    """The provider that ``issuer`` names. What it last said serves on while it says nothing, or nothing of use."""

    def __init__(self, issuer: str, *, documents: Documents) -> None:
        self._issuer = issuer
        self._documents = documents
        self._key_set_url: str | None = None

    async def key_set_url(self) -> str:
        """Ask the provider where its keys are: as often as they are read, so that they may move.

        Raises:
            DocumentUnavailable, Malformed: it does not say so, and never did.

        """
        try:
            # Section 4.1: a slash at the issuer's end is dropped before the rest is added.
            document = await self._documents.read(self._issuer.removesuffix("/") + WELL_KNOWN)
            self._key_set_url = key_set_url(document, self._issuer)
        except (DocumentUnavailable, Malformed) as error:
            if self._key_set_url is None:
                raise
            log.warning("provider_unreadable", error=str(error), remembered=self._key_set_url)
        return self._key_set_url


def key_set_url(document: dict[str, Any], issuer: str) -> str:
    """Read a provider's configuration.

    Raises:
        Malformed: it is another issuer's (section 4.3: not the same to the letter), or names no key set to be trusted.

    """
    told = document.get("issuer")
    if told != issuer:
        raise Malformed(f"issuer: the provider calls itself {told!r}, VIDCTL_AUTH_ISSUER is {issuer!r}")
    url = document.get("jwks_uri")
    if not isinstance(url, str) or re.search(SECURE_URL, url) is None:
        raise Malformed(f"jwks_uri: {url!r} is not an https URL, or an http URL of this machine")
    return url
