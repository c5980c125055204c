"""Spans of requests."""

import pytest
from aiohttp.test_utils import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from taskmanager.api.rest.middlewares import tracing

from .conftest import TASK_ID, World


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    return exporter


async def test_a_request_is_a_span_of_its_callers_trace_and_names_no_task(
    client: TestClient, exported: InMemorySpanExporter
) -> None:
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await client.get(f"/api/tasks/{TASK_ID}", headers={"traceparent": caller})

    (span,) = exported.get_finished_spans()
    assert span.name == "GET /api/tasks/{id}"
    assert span.attributes == {
        "http.request.method": "GET", "http.route": "/api/tasks/{id}", "http.response.status_code": 200,
    }  # fmt: skip
    assert f"{span.context.trace_id:032x}" in caller
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" in caller


async def test_a_failure_of_ours_is_marked_and_one_of_the_caller_is_not(
    client: TestClient, exported: InMemorySpanExporter, world: World
) -> None:
    await client.get("/api/tasks/7")
    world.failure = RuntimeError("a defect")
    await client.get(f"/api/tasks/{TASK_ID}")

    theirs, ours = exported.get_finished_spans()
    assert theirs.status.status_code is StatusCode.UNSET
    assert ours.status.status_code is StatusCode.ERROR
    assert "defect" not in str(ours.to_json())
