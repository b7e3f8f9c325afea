"""Where a browser reads the events of one video: an EventSource sends no header, so a token stands in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pydantic import SecretStr

from vidctl.http.access.signing import TokenForged, Tokens
from vidctl.model import VideoKey
from vidctl.ports import Clock


class StreamUrls:
    """Makes and reads the tokens. Without ``keys`` there are none, and streams are for whoever can send a header.

    A stream that was begun with a token goes on after the token's ``life``; for another one a page asks for the video.
    """

    def __init__(self, keys: Sequence[SecretStr], *, life: timedelta, clock: Clock) -> None:
        secrets = [key.get_secret_value().encode() for key in keys]
        self._tokens = Tokens(secrets, purpose="events") if secrets else None
        self._life = life
        self._clock = clock

    def url(self, key: VideoKey, origin: str) -> str | None:
        """Return the URL at which whoever has it can follow this video, and nothing else."""
        if self._tokens is None:
            return None
        token = self._tokens.issue(str(key).encode(), expires_at=self._clock() + self._life)
        return f"{origin}/v1/videos/{key.video_id}/events?token={token}"

    def read(self, token: str, video_id: str) -> VideoKey:
        """Return the video that a token is for.

        Raises:
            TokenForged: it is none of ours, or for another video. TokenExpired: its time is over.

        """
        if self._tokens is None:
            raise TokenForged("The link is not valid: no links are handed out here.")
        user_id, _, named = self._tokens.read(token, now=self._clock()).payload.decode().partition("/")
        if named != video_id:
            raise TokenForged("The link is for another video.")
        return VideoKey(user_id=user_id, video_id=video_id)
