"""Traces: spans around requests, passes and the worker's stages, sent by OTLP if the standard variables say where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util.types import AttributeValue

from vidctl import __version__

_tracer = trace.get_tracer("vidctl", __version__)


def configure(*, process: str, export: bool) -> TracerProvider:
    """Make spans real in this process; the sampler follows ``OTEL_TRACES_SAMPLER``.

    With ``export`` they go to the collector that ``OTEL_EXPORTER_OTLP_ENDPOINT`` names, from a thread of their own:
    a slow or dead collector costs dropped spans and nothing else.
    """
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"vidctl-{process}", "service.version": __version__})
    )
    if export:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


@contextmanager
def span(name: str, **attributes: AttributeValue) -> Iterator[trace.Span]:
    """Run the block inside a span; an exception marks it and goes on."""
    with _tracer.start_as_current_span(name, attributes=attributes) as current:
        yield current
