"""Traces: exported by OTLP over HTTP when they are switched on; the SDK is not even loaded otherwise."""

import threading
from collections.abc import Callable
from typing import Protocol

# Both are kept short: a collector that is away must not eat up the time for the drain.
EXPORT_SECONDS = 3.0
_FLUSH_SECONDS = 4.0


class TracingConfig(Protocol):
    """What tracing needs to know; ObservabilityConfig fits."""

    @property
    def tracing_enabled(self) -> bool: ...
    @property
    def tracing_sampling_rate(self) -> float: ...
    @property
    def otel_exporter_otlp_endpoint(self) -> str: ...


def start_tracing(config: TracingConfig, service_name: str, service_version: str = "") -> Callable[[], None]:
    """Sets the process's tracer provider if tracing is enabled; returns what flushes and stops it (at most about 4 s).

    A trace begun elsewhere is sampled as its caller decided, one begun here by the configured share.
    """
    if not config.tracing_enabled:
        return _nothing
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(config.tracing_sampling_rate)),
        resource=Resource.create({"service.name": service_name, "service.version": service_version}),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(f"{config.otel_exporter_otlp_endpoint}/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return lambda: within_seconds(provider.shutdown)


def within_seconds(action: Callable[[], None], seconds: float = _FLUSH_SECONDS) -> None:
    """Runs the action, but goes on without it after so many seconds; the SDK itself would wait for half a minute."""
    thread = threading.Thread(target=action, name="telemetry-shutdown", daemon=True)
    thread.start()
    thread.join(seconds)


def _nothing() -> None:
    return None
