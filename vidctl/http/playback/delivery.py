"""Who serves what: S3 by signed URLs, CloudFront by signed policies, or whoever serves the bucket to everybody.

Playlists, manifests and storyboards come from us where what they name has to be signed. A signed URL of S3 dies with
the credentials that signed it, and those of a task live for hours at most, for some minutes at the least. So a playlist
names S3's objects itself only if the signatures last as long as it can be watched; else it names us, and each segment
is signed when it is asked for.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import quote

from vidctl.http.playback import rewriting
from vidctl.http.playback.cloudfront import PolicySigner, Signature
from vidctl.http.playback.links import Link, Links, resolved
from vidctl.http.playback.rewriting import Place
from vidctl.ports import Clock, Objects

DOCUMENTS = ("hls", "dash", "storyboard")
"""The roles of what names other objects."""

MOST_SIGNED = 1000
"""Segments of a playlist that is signed as a whole: some 10 ms of the loop, and 2 MB where a token is in each URL."""

PAUSES = timedelta(minutes=10)
"""Time that a viewer may be away from a video, besides once its length."""


def direct(seconds: float, segments: int, *, link: timedelta, signatures: timedelta) -> bool:
    """Whether a playlist names S3's objects itself. ``link`` and ``signatures`` are how long each still lives."""
    watched = min(link, timedelta(seconds=2 * seconds) + PAUSES)
    return segments <= MOST_SIGNED and signatures >= watched


class Delivery(Protocol):
    """A way of serving what was published."""

    def urls(self, link: Link, names: dict[str, str], origin: str, /) -> dict[str, str]:
        """Return where outputs are played from: ``names`` has the name for each role, ``origin`` is ours."""

    async def place(self, link: Link, name: str, text: str, /) -> Place | None:
        """Return where the document ``name`` finds what it names; None if its own addresses are right."""

    async def address(self, link: Link, name: str, method: str, /) -> str:
        """Return where an object is read with this method."""


class SignedDelivery:
    """S3 serves, by URLs that we sign; links lead to us."""

    def __init__(self, *, links: Links, final: Objects, clock: Clock) -> None:
        self._links = links
        self._final = final
        self._clock = clock

    def urls(self, link: Link, names: dict[str, str], origin: str, /) -> dict[str, str]:
        """Return our own links, for all outputs; see ``Delivery``."""
        path = self._links.path(link)
        return {role: f"{origin}{path}/{name}" for role, name in names.items()}

    async def place(self, link: Link, name: str, text: str, /) -> Place | None:
        """Sign the segments of HLS where that lasts; templates of DASH name too many to be signed; see ``Delivery``."""
        if not name.endswith(rewriting.PLAYLIST):
            return None
        now, reading = self._clock(), await self._final.reading(until=link.expires_at)
        segments, seconds = rewriting.extent(text)
        if not direct(seconds, segments, link=link.expires_at - now, signatures=reading.expires_at - now):
            return None
        return lambda uri: reading.url(link.prefix + resolved(name, uri))

    async def address(self, link: Link, name: str, method: str, /) -> str:
        """Sign one read; see ``Delivery``."""
        reading = await self._final.reading(until=link.expires_at)
        return reading.url(link.prefix + name, method=method)


class CloudFrontDelivery:
    """A private distribution at ``base_url`` serves; what names other objects comes from us, with signed addresses."""

    def __init__(self, *, links: Links, signer: PolicySigner, base_url: str) -> None:
        self._links = links
        self._signer = signer
        self._base_url = base_url

    def sign(self, link: Link) -> Signature:
        """Sign for all that the link's attempt published."""
        return self._signer.sign(f"{self._folder(link)}*", until=link.expires_at)

    def plain(self, link: Link, names: dict[str, str]) -> dict[str, str]:
        """Return where outputs are played from by whoever has the cookies."""
        return {role: self._folder(link) + name for role, name in names.items()}

    def urls(self, link: Link, names: dict[str, str], origin: str, /) -> dict[str, str]:
        """Return our own links for documents, signed URLs for the others; see ``Delivery``."""
        path, place = self._links.path(link), self._place(link, "")
        return {role: f"{origin}{path}/{name}" if role in DOCUMENTS else place(name) for role, name in names.items()}

    async def place(self, link: Link, name: str, _text: str, /) -> Place | None:
        """Let everything be read from the distribution; see ``Delivery``."""
        return self._place(link, name)

    async def address(self, link: Link, name: str, _method: str, /) -> str:
        """Return the signed URL; see ``Delivery``."""
        return self._place(link, "")(name)

    def _place(self, link: Link, name: str) -> Place:
        folder, query = self._folder(link), self.sign(link).query
        return lambda uri: f"{folder}{resolved(name, uri)}?{query}"

    def _folder(self, link: Link) -> str:
        return f"{self._base_url}/{quote(link.prefix)}"


class PublicDelivery:
    """Whatever is at ``base_url`` serves everybody: nothing is signed, and nothing comes from us."""

    def __init__(self, *, base_url: str) -> None:
        self._base_url = base_url

    def urls(self, link: Link, names: dict[str, str], _origin: str, /) -> dict[str, str]:
        """Return where outputs are; see ``Delivery``."""
        return {role: f"{self._base_url}/{quote(link.prefix)}{name}" for role, name in names.items()}

    async def place(self, _link: Link, _name: str, _text: str, /) -> Place | None:
        """Leave everything where it is; see ``Delivery``."""
        return None

    async def address(self, link: Link, name: str, _method: str, /) -> str:
        """Return where an object is; see ``Delivery``."""
        return f"{self._base_url}/{quote(link.prefix)}{name}"


def until(link: Link, now: datetime) -> int:
    """Return the whole seconds for which a link still lives."""
    return max(0, int((link.expires_at - now).total_seconds()))
