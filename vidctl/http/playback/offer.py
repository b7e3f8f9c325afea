"""What an owner is told of playing a video."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from vidctl.http.playback.delivery import Delivery, PublicDelivery
from vidctl.http.playback.links import ROLES, Link, attempt_of, expiry
from vidctl.layout import AttemptName
from vidctl.ports import Clock
from vidctl.records import Output


class Offer:
    """Makes links that live for ``lives``, and says where they lead. ``mode`` is the setting's word."""

    def __init__(self, delivery: Delivery, *, mode: str, lives: timedelta, clock: Clock) -> None:
        self.delivery = delivery
        self._mode = mode
        self._lives = lives
        self._clock = clock

    def playback(self, outputs: tuple[Output, ...], *, origin: str) -> dict[str, Any] | None:
        """Return the member ``playback`` of a video; None if nothing is published. ``origin`` is ours."""
        attempt = attempt_of(outputs)
        if attempt is None:
            return None
        link = self.link(attempt)
        return self.told(link, self.delivery.urls(link, self.names(outputs), origin))

    def poster(self, outputs: tuple[Output, ...], *, origin: str) -> str | None:
        """Return the URL of the poster alone, for lists; None if there is none."""
        attempt, name = attempt_of(outputs), self.names(outputs).get("poster")
        if attempt is None or name is None:
            return None
        return self.delivery.urls(self.link(attempt), {"poster": name}, origin).get("poster")

    def link(self, attempt: AttemptName) -> Link:
        """Return a link that is handed out now."""
        return Link(attempt=attempt, expires_at=expiry(self._clock(), self._lives))

    def told(self, link: Link, urls: dict[str, str]) -> dict[str, Any]:
        """Return the member, with null for what was not made."""
        ends = None if isinstance(self.delivery, PublicDelivery) else link.expires_at.isoformat()
        return {"mode": self._mode, **{role: urls.get(role) for role in ROLES}, "expires_at": ends}

    @staticmethod
    def names(outputs: tuple[Output, ...]) -> dict[str, str]:
        """Return the names of the outputs that have a role, by it."""
        published = {output.name for output in outputs}
        return {role: name for role, name in ROLES.items() if name in published}
