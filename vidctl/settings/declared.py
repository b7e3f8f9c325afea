"""How a setting is declared: its group's prefix, and the bounds of a duration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict

MINUTE, HOUR, YEAR = 60, 3600, 365 * 86_400


def duration(default: float, description: str, *, least: float = 0, most: float = YEAR) -> Any:
    """Return a field of seconds. Beyond its bounds something would stop to work, if only the arithmetic of dates."""
    low, high = timedelta(seconds=least), timedelta(seconds=most)
    return Field(default=timedelta(seconds=default), ge=low, le=high, description=description)


def config(prefix: str) -> SettingsConfigDict:
    """Return the configuration of a group whose variables begin with ``prefix``."""
    return SettingsConfigDict(env_prefix=prefix, frozen=True, extra="ignore", env_ignore_empty=True)
