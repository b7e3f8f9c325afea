"""Where a browser finds us and the buckets: scheme, host and port."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

from aiohttp import web

from vidctl.errors import VidctlError
from vidctl.ports import Objects


class InvalidHost(VidctlError):
    """The Host header is not a host, so that no link can be made of it."""

    code = "invalid_host"


def public_origin(request: web.Request, public_url: str | None) -> str:
    """Return the start of our own links: ``public_url``, else as the client called us.

    Behind a load balancer that ends TLS the request says ``http``: set VIDCTL_HTTP_PUBLIC_URL there.

    Raises:
        InvalidHost: the client called us by something that is no host.

    """
    if public_url is not None:
        return public_url.rstrip("/")
    if re.fullmatch(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", request.host) is None:
        raise InvalidHost("The Host header is not a host name with an optional port.")
    return f"{request.scheme}://{request.host}"


async def bucket_origin(objects: Objects) -> str:
    """Return the origin of the bucket's signed URLs, which depends on endpoint, region and addressing style."""
    return origin_of(await objects.sign_get("origin", expires_in=timedelta(minutes=1)))


def origin_of(url: str) -> str:
    """Return the origin of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
