"""Settings of every process: its log, its traces, and one machine in place of AWS."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from vidctl.settings.declared import config


class LogSettings(BaseSettings):
    """The log."""

    model_config = config("VIDCTL_LOG_")

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level written.")
    format: Literal["json", "text"] | None = Field(default=None, description="Default: text on a terminal, else JSON.")


class TelemetrySettings(BaseSettings):
    """Where traces go: OpenTelemetry's own variables, of which the SDK reads the rest."""

    model_config = config("OTEL_EXPORTER_OTLP_")

    endpoint: str | None = Field(default=None, description="Collector of traces (OTLP over HTTP); default: none.")
    traces_endpoint: str | None = Field(default=None, description="The same, for traces only.")


class DevSettings(BaseSettings):
    """One machine in place of AWS (`make dev`)."""

    model_config = config("VIDCTL_DEV_")

    aws_port: int = Field(default=4566, ge=1, le=65535, description="Port of the emulated S3 and SQS.")
    ecs_port: int | None = Field(default=None, description="Port of the local ECS; default: a free one.")
    ministack: str = Field(default=".emulator/bin/ministack", description="The emulator's program.")
    template: str = Field(default="deploy/storage.yaml", description="Storage template; service.yaml is beside it.")
    directory: str = Field(default=".dev", description="Where world.json and the logs go.")
