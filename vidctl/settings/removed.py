"""Settings of earlier versions that protected something: to overlook one would take its protection away in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

REMOVED: Mapping[str, str] = {
    "VIDCTL_AUTH_SCOPE": (
        "set VIDCTL_AUTH_UPLOAD_SCOPE, VIDCTL_AUTH_READ_SCOPE, VIDCTL_AUTH_DELETE_SCOPE and VIDCTL_AUTH_ADMIN_SCOPE in "
        "its place (the same value for the first three is what it meant)"
    ),
    "VIDCTL_HTTP_PLAYBACK_EXPIRY": "set VIDCTL_PLAYBACK_EXPIRY in its place",
}
"""What is to be set instead of each."""


def still_set(environment: Mapping[str, str], prefix: str) -> Iterator[str]:
    """Yield a sentence for each removed setting of a group that is set. Case matters not, and empty is not set."""
    given = {name.upper() for name, value in environment.items() if value}
    for name, instead in REMOVED.items():
        if name.startswith(prefix) and name in given:
            yield f"{name}: is not a setting any more: {instead}"
