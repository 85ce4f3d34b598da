"""OpenTelemetry, as configured: spans started by its SDK, and sent by OTLP over HTTP from a thread of their own.

Its packages are an extra: nothing of them is imported where nothing is traced.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateways.tracing.spans import Attributes, Span, SpanKind, Spans, Start
from rtp_relay import __version__
from rtp_relay.assembly.errors import StartError
from rtp_relay.config.tracing import TracingConfig

EVERY = 2_000
"""Milliseconds between two times at which spans are sent."""

TIMEOUT = 3
"""Seconds that a receiver has to take them."""


class _Span:
    """A span of the SDK."""

    def __init__(self, span: Any, error: Any) -> None:
        self.span, self._error = span, error

    def fail(self, why: str) -> None:
        self.span.set_status(self._error(why))

    def end(self) -> None:
        self.span.end()


def starting_with(provider: Any) -> Start:
    """Return what starts spans of an SDK's tracer provider."""
    from opentelemetry import trace  # noqa: PLC0415 - an extra

    tracer = provider.get_tracer("rtp-relay", __version__)
    kinds = {
        SpanKind.SERVER: trace.SpanKind.SERVER,
        SpanKind.INTERNAL: trace.SpanKind.INTERNAL,
        SpanKind.CLIENT: trace.SpanKind.CLIENT,
    }

    def error(why: str) -> Any:
        return trace.Status(trace.StatusCode.ERROR, why)

    def start(name: str, kind: SpanKind, parent: Span | None, attributes: Attributes) -> Span:
        context = trace.set_span_in_context(parent.span) if isinstance(parent, _Span) else None
        return _Span(tracer.start_span(name, context, kinds[kind], dict(attributes)), error)

    return start


@asynccontextmanager
async def telemetry(config: TracingConfig, name: str) -> AsyncIterator[Spans | None]:
    """Have spans go to the configured endpoint while the block runs; give None where nothing is traced.

    Raises StartError without the packages.
    """
    if not config.endpoint:
        yield None
        return
    provider = _provider(config, name)
    try:
        yield Spans(starting_with(provider))
    finally:
        await asyncio.to_thread(provider.shutdown)


def _provider(config: TracingConfig, name: str) -> Any:
    """Return a provider whose spans are sent from a thread. Raises StartError."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415
    except ImportError as error:
        why = "tracing.endpoint: the packages of OpenTelemetry are missing: pip install 'rtp-relay[otel]'"
        raise StartError(why) from error
    named = {"service.name": "rtp-relay", "service.instance.id": name, "service.version": __version__}
    provider = TracerProvider(
        resource=Resource.create(named), sampler=ParentBased(TraceIdRatioBased(config.sample)), shutdown_on_exit=False
    )
    exporter = OTLPSpanExporter(endpoint=f"{config.endpoint.rstrip('/')}/v1/traces", timeout=TIMEOUT)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EVERY))
    return provider
