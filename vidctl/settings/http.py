"""Settings of the HTTP side: the server, whom it believes, what it takes."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from vidctl.fields import (
    ISSUER_URL,
    Algorithm,
    BaseUrl,
    KeySetUrl,
    Origin,
    Scope,
    Seconds,
    Secrets,
    SomeWords,
    Suffix,
    Words,
)
from vidctl.settings.declared import HOUR, MINUTE, config, duration


class UploadSettings(BaseSettings):
    """What may be uploaded."""

    model_config = config("VIDCTL_UPLOAD_")

    expiry: Seconds = duration(15 * MINUTE, "Life of a signed upload URL, 300 to 900.", least=300, most=900)
    parts_expiry: Seconds = duration(
        HOUR, "Life of a signed part or form, 300 to 43200: Uppy 6 does not ask for another.", least=300, most=12 * HOUR
    )
    max_bytes: int = Field(
        default=5 * 1024**3, ge=1, le=5 * 1024**4, description="Largest upload (S3: 5 TiB; beyond 5 GiB in parts only)."
    )
    multipart_above: int = Field(
        default=100 * 1024**2, ge=1, le=5 * 1024**3, description="Size in bytes above which uploads go in parts."
    )
    part_bytes: int = Field(
        default=16 * 1024**2,
        ge=5 * 1024**2,
        le=5 * 1024**3,
        description="Size of the parts; larger where there would be more than 10,000.",
    )
    session_expiry: Seconds = duration(HOUR, "Life of an upload session, 60 to 43200.", least=60, most=12 * HOUR)
    session_uploads: int = Field(default=100, ge=1, le=1000, description="Most uploads of one upload session.")
    suffixes: SomeWords[Suffix] = Field(default=(".mp4",), description="Accepted suffixes of file names, with the dot.")
    content_types: SomeWords[str] = Field(default=("video/mp4",), description="Accepted content types.")


class AuthSettings(BaseSettings):
    """Whose tokens are accepted: checked with one secret, public key or JWKS URL, or else with what the issuer says."""

    model_config = config("VIDCTL_AUTH_")

    secret: SecretStr | None = Field(default=None, min_length=32, description="HS256 secret, at least 32 bytes.")
    public_key: str | None = Field(default=None, description="RS256 or ES256 public key, PEM.")
    jwks_url: KeySetUrl | None = Field(default=None, description="Issuer's key set: https, or http to this machine.")
    algorithms: Words[Algorithm] = Field(default=(), description="Accepted; default HS256, or RS256 and ES256.")
    issuer: str | None = Field(
        default=None,
        description="Required `iss`; alone, the URL of an OpenID provider that says where its keys are (discovery).",
    )
    audience: str | None = Field(default=None, description="Required `aud`.")
    required_claims: Words[str] = Field(default=("exp", "sub"), description="Claims that a token must have.")
    upload_scope: Scope | None = Field(default=None, description="Word in `scope` or `scp` to upload; default: none.")
    read_scope: Scope | None = Field(default=None, description="Word in it to see one's videos; default: none.")
    delete_scope: Scope | None = Field(default=None, description="Word in it to delete them; default: none.")
    admin_scope: Scope | None = Field(
        default=None, description="Word in it to do the same, with `?user=`, to anybody's; default: nobody may."
    )
    leeway: Seconds = duration(30, "Tolerated difference of clocks.")
    jwks_lifetime: Seconds = duration(5 * MINUTE, "Age at which the key set (and where it is) is read again.")
    jwks_cooldown: Seconds = duration(5, "Least time between two reads of it.")

    @model_validator(mode="after")
    def _one_way_of_checking(self) -> Self:
        given = [name for name in ("secret", "public_key", "jwks_url") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"set only one of VIDCTL_AUTH_SECRET, _PUBLIC_KEY, _JWKS_URL (given: {', '.join(given)})")
        if not given and (self.issuer is None or re.search(ISSUER_URL, self.issuer) is None):
            raise ValueError(
                "set VIDCTL_AUTH_ISSUER to the URL of an OpenID provider (https, or http to this machine; no ? or #), "
                "or else one of VIDCTL_AUTH_SECRET, _PUBLIC_KEY, _JWKS_URL"
            )
        symmetric = {"HS256", "HS384", "HS512"}
        mixed = symmetric.isdisjoint(self.algorithms) if self.secret else symmetric.intersection(self.algorithms)
        if self.algorithms and mixed:
            raise ValueError("VIDCTL_AUTH_ALGORITHMS does not fit the kind of key: HS* for a secret, else the others")
        return self

    @property
    def scopes(self) -> dict[str, str | None]:
        """The scope that each permission needs, by the permission's word."""
        return {word: getattr(self, f"{word}_scope") for word in ("upload", "read", "delete", "admin")}

    @property
    def accepted_algorithms(self) -> tuple[str, ...]:
        """The algorithms, from configuration and never from the token."""
        return self.algorithms or (("HS256",) if self.secret else ("RS256", "ES256"))


class HttpSettings(BaseSettings):
    """The HTTP server."""

    model_config = config("VIDCTL_HTTP_")

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - behind a load balancer
    port: int = Field(default=8080, ge=1, le=65535, description="Port to listen on.")
    public_url: BaseUrl | None = Field(default=None, description="Base URL in answers; default: as it was called.")
    body_limit: int = Field(default=64 * 1024, ge=1024, description="Largest request body in bytes.")
    request_timeout: Seconds = duration(15, "Time for a request.")
    signing_keys: Secrets = Field(
        default=(),
        description="What links are signed with: secrets of 32 bytes or more, newest first; older ones are believed.",
    )
    follow_interval: Seconds = duration(
        2, "Shortest pause between two looks at a video that somebody follows; 15 while nothing happens.", most=15
    )
    heartbeat: Seconds = duration(15, "Longest silence on a stream of events: load balancers close after a minute.")
    stream_patience: Seconds = duration(
        30, "Time for a reader of events to take what he is sent, before his stream is cut: 64 KiB may wait for him."
    )
    stream_life: Seconds = duration(HOUR, "Life of a stream of events, and of the token in its URL.")
    origins: Words[Origin] = Field(
        default=(), description="Origins of other pages that may call the API, as https://host or http://localhost:*."
    )
    page: bool = Field(default=True, description="Whether `/` is a page to upload with and to watch.")


class LimitSettings(BaseSettings):
    """How much one user may do. Numbers of 0 are no limit."""

    model_config = config("VIDCTL_LIMIT_")

    reads_per_minute: int = Field(default=1200, ge=0, description="GETs of one user, at each replica.")
    writes_per_minute: int = Field(
        default=1200, ge=0, description="His other requests; a browser that sends a large file has each part signed."
    )
    refusals_per_minute: int = Field(
        default=60, ge=0, description="Requests of one address without an accepted token, at each replica."
    )
    streams: int = Field(
        default=100,
        ge=0,
        description="Streams of events that one user has open at each replica: 20 KiB and a socket each.",
    )
    uploads_per_hour: int = Field(default=0, ge=0, description="Uploads handed to one user within an hour.")
    open_videos: int = Field(
        default=0, ge=0, le=500, description="His videos, of two days, that are neither published nor failed nor gone."
    )
    bytes_in_flight: int = Field(default=0, ge=0, description="Declared sizes of these together, in bytes.")
    trusted_proxies: int = Field(
        default=0, ge=0, le=10, description="Proxies before us that write X-Forwarded-For; a load balancer is one."
    )
