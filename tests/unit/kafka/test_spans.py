"""The span of a batch and its links."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from taskmanager.api.kafka import spans
from taskmanager.api.kafka.spans import LINKS_MAX, batch_span, chunk_span
from taskmanager.application.commands import InboundMessage
from taskmanager.application.outbound import Outbound
from tests.builders import task_id
from tests.fakes.batches import batch_of, numbered
from tests.fakes.messages import request

TRACE = "4bf92f3577b34da6a3ce929d0e0e47{:02x}"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "_tracer", provider.get_tracer("test"))
    return exporter


def traced(number: int, trace: int, flags: str) -> InboundMessage:
    parent = f"00-{TRACE.format(trace)}-00f067aa0ba902b7-{flags}"
    return request(id=task_id(number), headers={"traceparent": parent})


def test_a_batch_is_linked_once_to_each_sampled_trace(exported: InMemorySpanExporter) -> None:
    messages = [traced(0, 1, "01"), traced(1, 1, "01"), traced(2, 2, "00"), traced(3, 3, "01"), request(id=task_id(4))]
    with batch_span(batch_of(numbered(messages))):
        pass

    (span,) = exported.get_finished_spans()
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE.format(1), TRACE.format(3)]
    assert span.attributes is not None
    assert span.attributes["messaging.batch.message_count"] == 5


def test_links_stay_within_the_limit(exported: InMemorySpanExporter) -> None:
    messages = [traced(number, number, "01") for number in range(LINKS_MAX + 20)]
    with batch_span(batch_of(numbered(messages))):
        pass

    (span,) = exported.get_finished_spans()
    assert len(span.links) == LINKS_MAX


def test_the_span_of_a_batch_that_fails_tells_so(exported: InMemorySpanExporter) -> None:
    with pytest.raises(RuntimeError), batch_span(batch_of(numbered([request(id=task_id(0))]))):
        raise RuntimeError("away")

    (span,) = exported.get_finished_spans()
    assert not span.status.is_ok


def test_a_chunk_is_linked_once_to_each_sampled_trace(exported: InMemorySpanExporter) -> None:
    parents = [
        f"00-{TRACE.format(trace)}-00f067aa0ba902b7-{flags}" for trace, flags in ((1, "01"), (1, "01"), (2, "00"))
    ]
    with chunk_span([Outbound("events", "k", b"", [("traceparent", parent)]) for parent in parents]):
        pass
    with chunk_span([Outbound("events", "k", b"", [("id", "x")])]):
        pass

    first, second = exported.get_finished_spans()
    assert [f"{link.context.trace_id:032x}" for link in first.links] == [TRACE.format(1)]
    assert (first.name, second.name, len(second.links)) == ("publish events", "publish events", 0)
    assert first.attributes is not None
    assert first.attributes["messaging.batch.message_count"] == 3
