"""Settings of playback: who serves what was published, and to whom."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from vidctl.fields import Domain, Origin, PublicUrl, Seconds, SomeWords
from vidctl.settings.declared import HOUR, MINUTE, config, duration


class PlaybackSettings(BaseSettings):
    """How published videos are played (docs/playback.md)."""

    model_config = config("VIDCTL_PLAYBACK_")

    mode: Literal["signed", "cloudfront", "public"] = Field(
        default="signed",
        description="Who serves: S3 by signed URLs, a private CloudFront, or anything public.",
    )
    expiry: Seconds = duration(
        12 * HOUR,
        "Life of a link, 60 to 518400: as long as the longest video is watched, for a link is not renewed.",
        least=MINUTE,
        most=6 * 24 * HOUR,
    )
    origins: SomeWords[Origin] = Field(
        default=("*",),
        description="Origins of pages that may play, as https://host; `*`: all that have a link.",
    )
    base_url: PublicUrl | None = Field(
        default=None, description="Where the final bucket's keys are served (cloudfront, public), as https://host."
    )
    key_pair_id: str | None = Field(default=None, description="CloudFront's id of the public key (cloudfront).")
    private_key: SecretStr | None = Field(
        default=None, description="Its private key, PEM: RSA of 2048 bits or ECDSA P-256 (cloudfront)."
    )
    cookie_domain: Domain | None = Field(
        default=None,
        description="Domain of signed cookies: that of both us and the distribution; default: none.",
    )

    @model_validator(mode="after")
    def _what_the_mode_needs(self) -> Self:
        needed = {
            "signed": (),
            "cloudfront": ("base_url", "key_pair_id", "private_key"),
            "public": ("base_url",),
        }
        missing = [f"VIDCTL_PLAYBACK_{name.upper()}" for name in needed[self.mode] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"VIDCTL_PLAYBACK_MODE={self.mode} needs {' and '.join(missing)}")
        return self
