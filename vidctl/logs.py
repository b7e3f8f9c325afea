"""Structured logs: one event a line, JSON for machines, columns on a terminal.

``bind`` puts fields (the video, the attempt) on every line of the current task, whoever writes it.
"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog
from opentelemetry import trace


def configure(*, level: str, json: bool | None = None, stream: TextIO = sys.stdout) -> None:
    """Send every log line of the process, ours and the libraries', to ``stream``. ``json`` None: unless a terminal."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        _trace_ids,
    ]
    plain = json is False or (json is None and stream.isatty())
    final = _columns(colors=stream.isatty()) if plain else _json()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("botocore", "aiobotocore", "asyncio"):
        # At debug level botocore writes signed requests.
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module: ``log = logs.get(__name__)``, then ``log.info("event_name", field=value)``."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def bind(**fields: Any) -> AbstractContextManager[Any]:
    """Put fields on every line written inside the ``with`` block."""
    return structlog.contextvars.bound_contextvars(**fields)


# Neither shows the local variables of a traceback's frames: tokens, signed URLs and receipts are among them.


def _columns(*, colors: bool) -> list[Any]:
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]


def _json() -> list[Any]:
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(frames), structlog.processors.JSONRenderer(default=str)]


def _trace_ids(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event
