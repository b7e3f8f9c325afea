"""The reference documents that are made from the code: every setting, every metric."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from vidctl import settings
from vidctl.metrics import Metrics


def settings_table() -> str:
    """Return every setting as Markdown, for ``docs/settings.md``."""
    lines = [
        "# Settings",
        "",
        "All settings are environment variables. Lists are separated by commas; durations are in seconds.",
    ]
    for group in settings.GROUPS:
        prefix = str(group.model_config.get("env_prefix", ""))
        lines += ["", f"## {(group.__doc__ or '').strip()}", "", "| variable | default | meaning |", "|---|---|---|"]
        for name, field in group.model_fields.items():
            lines.append(
                f"| `{prefix}{name.upper()}` | {_shown(field.default, field.is_required())} | {field.description} |"
            )
    return "\n".join(lines) + "\n"


def _shown(value: Any, required: bool) -> str:  # noqa: FBT001 - pydantic's two halves of a default
    if required:
        return "required"
    if isinstance(value, timedelta):
        return f"`{value.total_seconds():g}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else ""
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def metrics_table() -> str:
    """Return every metric as Markdown, for ``docs/metrics.md``."""
    lines = ["# Metrics", "", "Served at `/metrics`; no label carries a video or a user.", ""]
    lines += ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    registry = Metrics(CollectorRegistry()).registry
    for collector, names in sorted(registry._collector_to_names.items(), key=lambda entry: entry[1][0]):  # noqa: SLF001
        labels = ", ".join(f"`{label}`" for label in getattr(collector, "_labelnames", ()))
        kind = type(collector).__name__.lower()
        suffix = "_total" if kind == "counter" else ""
        text = getattr(collector, "_documentation", "")
        lines.append(f"| `{names[0].removesuffix(suffix)}{suffix}` | {kind} | {labels} | {text} |")
    return "\n".join(lines) + "\n"
