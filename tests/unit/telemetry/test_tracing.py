"""Traces and exported log lines: what reaches a collector, and what is not even loaded when they are off."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskmanager.infrastructure.telemetry.log_export import start_log_export
from taskmanager.infrastructure.telemetry.tracing import start_tracing, within_seconds

ROOT = Path(__file__).parents[3]
SAMPLED = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
NOT_SAMPLED = "00-fedcba9876543210fedcba9876543210-0123456789abcdef-00"


class Collector:
    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.received.append((f"{self.path} {self.headers['Content-Type']}", body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def python(code: str, *arguments: str) -> str:
    """A process of its own: a tracer provider can be set only once."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_nothing_of_the_sdk_is_loaded_when_all_is_off() -> None:
    loaded = python(
        """
from types import SimpleNamespace
from taskmanager.infrastructure.telemetry.tracing import start_tracing
from taskmanager.infrastructure.telemetry.log_export import start_log_export
from taskmanager.infrastructure.telemetry.logging import configure_logging
configure_logging("x")
config = SimpleNamespace(tracing_enabled=False, otel_logs_enabled=False)
start_tracing(config, "x")()
assert start_log_export(config, "x") is None
print(*[name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "requests"))])
"""
    )
    assert loaded.split() == []


def test_spans_reach_the_collector_and_a_callers_choice_is_followed(collector: Collector) -> None:
    python(
        f"""
from types import SimpleNamespace
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from taskmanager.infrastructure.telemetry.tracing import start_tracing
config = SimpleNamespace(tracing_enabled=True, tracing_sampling_rate=0.0, otel_exporter_otlp_endpoint=sys.argv[1])
stop = start_tracing(config, "the-service", "1.2.3")
tracer = trace.get_tracer("test")
extract = TraceContextTextMapPropagator().extract
with tracer.start_as_current_span("begun here"):
    pass
with tracer.start_as_current_span("caller said yes", context=extract({{"traceparent": {SAMPLED!r}}})):
    pass
with tracer.start_as_current_span("caller said no", context=extract({{"traceparent": {NOT_SAMPLED!r}}})):
    pass
stop()
""",
        collector.endpoint,
    )
    ((path, body),) = collector.received
    assert path == "/v1/traces application/x-protobuf"
    assert b"caller said yes" in body
    assert b"the-service" in body
    assert b"caller said no" not in body
    assert b"begun here" not in body


def test_log_events_reach_the_collector_but_not_those_of_the_exporter(collector: Collector) -> None:
    config = SimpleNamespace(otel_logs_enabled=True, otel_exporter_otlp_endpoint=collector.endpoint)
    export = start_log_export(config, "the-service")
    assert export
    event = {"event": "batch_written", "logger": "a", "level": "warning", "rows": 7, "list": [1]}
    assert export.processor(None, "warning", dict(event)) == event
    export.processor(None, "error", {"event": "from the exporter", "logger": "opentelemetry.sdk", "level": "error"})
    export.shutdown()
    ((path, body),) = collector.received
    assert path == "/v1/logs application/x-protobuf"
    assert b"batch_written" in body
    assert b"WARNING" in body
    assert b"from the exporter" not in body


def test_a_shutdown_that_hangs_is_not_waited_for() -> None:
    released = threading.Event()
    finished = threading.Event()

    def hang() -> None:
        released.wait()
        finished.set()

    within_seconds(hang, 0.01)
    assert not finished.is_set()
    released.set()
    assert finished.wait(10)


def test_tracing_that_is_off_needs_no_other_setting() -> None:
    stop: Callable[[], None] = start_tracing(SimpleNamespace(tracing_enabled=False), "x")  # type: ignore[arg-type]
    assert stop() is None  # type: ignore[func-returns-value]
    assert logging.getLogger("opentelemetry").handlers == []
