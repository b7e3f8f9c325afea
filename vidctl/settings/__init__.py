"""Every setting of vidctl: the only reader of the environment.

Groups are loaded by the processes that need them. Each field says its default, its unit and why; the table in
``docs/settings.md`` is generated from here. Lists are separated by commas. AWS credentials and endpoints follow AWS's
own variables (``AWS_ENDPOINT_URL`` …), which the SDK reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from vidctl.errors import InvalidSettings
from vidctl.settings.http import AuthSettings, HttpSettings, LimitSettings, UploadSettings
from vidctl.settings.notices import NoticeSettings
from vidctl.settings.playback import PlaybackSettings
from vidctl.settings.process import DevSettings, LogSettings, TelemetrySettings
from vidctl.settings.removed import still_set
from vidctl.settings.worker import JobSettings, WorkerSettings
from vidctl.settings.world import AwsSettings, ReconcilerSettings, TaskSettings, WorldSettings

__all__ = [
    "GROUPS",
    "AuthSettings",
    "AwsSettings",
    "DevSettings",
    "HttpSettings",
    "JobSettings",
    "LimitSettings",
    "LogSettings",
    "NoticeSettings",
    "PlaybackSettings",
    "ReconcilerSettings",
    "TaskSettings",
    "TelemetrySettings",
    "UploadSettings",
    "WorkerSettings",
    "WorldSettings",
    "check",
    "inherited",
    "load",
]

S = TypeVar("S", bound="BaseSettings")

GROUPS: tuple[type[BaseSettings], ...] = (
    WorldSettings, AwsSettings, TaskSettings, ReconcilerSettings, UploadSettings, AuthSettings, HttpSettings,
    LimitSettings, PlaybackSettings, NoticeSettings, WorkerSettings, LogSettings, TelemetrySettings, JobSettings,
    DevSettings,
)  # fmt: skip


def inherited() -> dict[str, str]:
    """Return the whole environment, for programs that this one starts."""
    return dict(os.environ)  # noqa: TID251 - the one place


def check(*groups: type[BaseSettings]) -> None:
    """Read several groups, so that one error can name all that is wrong.

    Raises:
        InvalidSettings: every variable that is missing or wrong, with what would be right.

    """
    faults: list[str] = []
    for group in groups:
        try:
            load(group)
        except InvalidSettings as error:
            faults.append(str(error))
    if faults:
        raise InvalidSettings("\n".join(faults))


def load(group: type[S]) -> S:
    """Read one group from the environment.

    Raises:
        InvalidSettings: every variable that is missing or wrong or is none any more, with what would be right.

    """
    prefix = str(group.model_config.get("env_prefix", ""))
    if removed := list(still_set(inherited(), prefix)):
        raise InvalidSettings("\n".join(removed))
    try:
        return group()
    except ValidationError as error:
        raise InvalidSettings("\n".join(_faults(prefix, group, error))) from error


def _faults(prefix: str, group: type[BaseSettings], error: ValidationError) -> Iterable[str]:
    for fault in error.errors(include_url=False, include_input=False):
        name = str(fault["loc"][0]) if fault["loc"] else "*"
        message = "must be set" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
        field = group.model_fields.get(name)
        yield f"{prefix}{name.upper()}: {message}" + (f" ({field.description})" if field else "")
