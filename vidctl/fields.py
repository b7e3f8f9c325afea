"""How the values of settings are written in the environment (P)."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode
from yarl import URL

from vidctl import fargate


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _seconds(value: Any) -> Any:
    return float(value) if isinstance(value, str) and value.replace(".", "", 1).isdigit() else value


def _network(text: str) -> str:
    ip_network(text)  # raises ValueError, which names the fault
    return text


def webhook_fault(url: str, *, allow_http: bool) -> str | None:
    """Say what is wrong with the URL of a webhook, without repeating it; None if nothing is."""
    try:
        parts, host = urlsplit(url), URL(url).host or ""
        port, name = parts.port, host.encode("idna")
    except ValueError:
        return "is no URL, as in https://example.com/hook"
    if parts.scheme not in ("https", "http") or not name or port == 0:
        return "is no URL, as in https://example.com/hook"
    if re.fullmatch(r"[0-9.]+", host) and not _is_address(host):
        return "has an address that is not written as four numbers"
    if parts.scheme == "http" and not allow_http:
        return "must be https, or VIDCTL_NOTICES_ALLOW_HTTP set"
    if parts.username is not None or parts.fragment:
        return "must have neither a user nor a fragment"
    return None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


T = TypeVar("T", bound=str)

Words = Annotated[tuple[T, ...], NoDecode, BeforeValidator(_split)]
SomeWords = Annotated[Words[T], Field(min_length=1)]
Seconds = Annotated[timedelta, BeforeValidator(_seconds), Field(gt=timedelta(0))]
"""A duration, written in the environment as a number of seconds."""

Secrets = Annotated[tuple[Annotated[SecretStr, Field(min_length=32)], ...], NoDecode, BeforeValidator(_split)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
Algorithm = Annotated[str, Field(pattern="^((HS|RS|PS|ES)(256|384|512)|EdDSA)$")]
# RFC 6749, section 3.3: what may stand in the claim, and unquoted in the header of a refusal.
Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
TaskSize = Annotated[str, Field(pattern="^[0-9]{3,5}/[0-9]{3,6}/[0-9]{2,3}$"), AfterValidator(fargate.checked)]
Origin = Annotated[str, Field(pattern=r"^(\*|https?://[^/*\s]+(:\*)?)$")]
Network = Annotated[str, AfterValidator(_network)]
Suffix = Annotated[str, Field(pattern=r"^\..")]
# Whoever can change the key set on its way chooses whose tokens are accepted.
_THIS_MACHINE = r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
SECURE_URL = rf"^(https://[^/]+|{_THIS_MACHINE})(/|$)"
KeySetUrl = Annotated[str, Field(pattern=SECURE_URL)]
# OpenID Connect Discovery 1.0, section 3: neither query nor fragment.
ISSUER_URL = rf"^(https://[^/?#]+|{_THIS_MACHINE})(/[^?#]*)?$"
# Keys are put behind it.
PublicUrl = Annotated[str, Field(pattern=rf"^(https://[^/?#]+|{_THIS_MACHINE})(/[^/?#]+)*$")]
# Ours, which a load balancer may serve by http within a network; our paths are put behind it.
BaseUrl = Annotated[str, Field(pattern=r"^https?://[^/?#\s]+(/[^/?#\s]+)*/?$")]
Domain = Annotated[str, Field(pattern=r"^\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]
