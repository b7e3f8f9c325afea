"""Links to what one attempt published: a token in the path, below which relative addresses stay good.

So players need neither headers nor cookies, and whoever has the link has this one publication, for a while.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vidctl import layout
from vidctl.http.access.signing import TokenForged, Tokens
from vidctl.layout import AttemptName
from vidctl.records import Output

PREFIX = "/v1/playback"
PURPOSE = "playback"

ROLES = {
    "hls": "master.m3u8",
    "dash": "manifest.mpd",
    "mp4": "video.mp4",
    "audio": "audio.m4a",
    "poster": "poster.jpg",
    "storyboard": "storyboard.vtt",
}
"""What each output of the worker is for; only those that a profile makes are there."""

ALIKE = timedelta(minutes=15)
"""Within a quarter of an hour the same link is handed out, so that a browser's cache knows what it fetched."""

# What the worker writes. Neither a dot nor nothing can be a folder, so that no name leads out of the attempt's prefix.
_NAME = re.compile(r"(?:[A-Za-z0-9_-]+/){0,4}[A-Za-z0-9_-]+(?:\.[A-Za-z0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the holder of a link may read: what is below ``prefix`` in the final bucket, until ``expires_at``."""

    attempt: AttemptName
    expires_at: datetime

    @property
    def prefix(self) -> str:
        """The attempt's prefix in the final bucket."""
        return layout.attempt_prefix(*self.attempt)


def attempt_of(outputs: tuple[Output, ...]) -> AttemptName | None:
    """Return the attempt that published ``outputs``; None if nothing did."""
    return layout.parse_attempt_key(f"{outputs[0].key}-") if outputs else None


def expiry(now: datetime, lives: timedelta) -> datetime:
    """Return when a link ends that is handed out now: after ``lives``, and less than a quarter of an hour later."""
    end = now + lives
    return end + (datetime.min.replace(tzinfo=UTC) - end) % ALIKE


def is_name(name: str) -> bool:
    """Whether an output, or an object in a folder output, may be named so."""
    return _NAME.fullmatch(name) is not None


def resolved(name: str, uri: str) -> str:
    """Return the name of what ``uri`` leads to, as the document ``name`` says it."""
    return posixpath.join(posixpath.dirname(name), uri)


class Links:
    """Writes links and reads them."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def path(self, link: Link) -> str:
        """Return the path below which the outputs are, without a slash at its end."""
        said = link.prefix.removeprefix(layout.OUTPUTS_PREFIX).removesuffix("/")
        return f"{PREFIX}/{self._tokens.issue(said.encode(), expires_at=link.expires_at)}"

    def read(self, token: str, *, now: datetime) -> Link:
        """Read the token of a link.

        Raises:
            TokenForged: it is none of ours. TokenExpired: its time is over.

        """
        issued = self._tokens.read(token, now=now)
        attempt = layout.parse_attempt_key(f"{layout.OUTPUTS_PREFIX}{issued.payload.decode()}/-")
        if attempt is None:
            raise TokenForged("The link is not valid: it must be used as it was handed out.")
        return Link(attempt=attempt, expires_at=issued.expires_at)
