"""Settings of telling: webhooks, and a bus."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from vidctl.fields import Network, Seconds, SecretList, Secrets, Words, webhook_fault
from vidctl.model import Kind
from vidctl.settings.declared import HOUR, MINUTE, config, duration


class NoticeSettings(BaseSettings):
    """Who is told what became of a video (docs/webhooks.md)."""

    model_config = config("VIDCTL_NOTICES_")

    webhooks: SecretList = Field(default=(), description="URLs to post events to; there may be a secret in them.")
    secrets: Secrets = Field(default=(), description="Secrets that sign them, at least 32 bytes each, newest first.")
    bus: Annotated[str, Field(min_length=1)] | None = Field(default=None, description="EventBridge bus: name or ARN.")
    kinds: Words[Kind] = Field(default=tuple(Kind), description="What is told.")
    timeout: Seconds = duration(10, "Time for a webhook to answer, 1 to 30.", least=1, most=30)
    backoff: Seconds = duration(MINUTE, "Wait after a failure, at least 60, doubled each time.", least=MINUTE)
    backoff_cap: Seconds = duration(HOUR, "Longest such wait, at least 60, but for jitter.", least=MINUTE)
    patience: Seconds = duration(24 * HOUR, "Age of a notice at which a receiver that fails once more is given up.")
    allow_http: bool = Field(default=False, description="Whether a webhook may be plain http.")
    allowed_networks: Words[Network] = Field(
        default=(), description="Networks (CIDR) that webhooks may be in, besides the public internet."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        urls = self.urls
        if urls and not self.secrets:
            raise ValueError("VIDCTL_NOTICES_SECRETS must be set: webhooks are signed")
        faults = [webhook_fault(url, allow_http=self.allow_http) for url in urls]
        for number, fault in enumerate(faults, start=1):
            if fault is not None:
                raise ValueError(f"VIDCTL_NOTICES_WEBHOOKS: URL {number} {fault}")
        if len(set(urls)) < len(urls):
            raise ValueError("VIDCTL_NOTICES_WEBHOOKS names one URL twice")
        return self

    @property
    def urls(self) -> tuple[str, ...]:
        """The webhooks."""
        return tuple(url.get_secret_value() for url in self.webhooks)
