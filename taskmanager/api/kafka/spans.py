"""One span a batch, or a chunk, linked to the traces that its messages belong to."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from opentelemetry import trace
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from taskmanager.application.batch import Batch
from taskmanager.application.commands import CreateTask, ReportStatus
from taskmanager.application.outbound import Outbound

# The SDK's default limit; a batch may hold thousands of traces.
LINKS_MAX = 128
_SAMPLED = "01"

_tracer = trace.get_tracer("taskmanager.kafka")


@contextmanager
def batch_span(batch: Batch) -> Iterator[None]:
    """The current span while a batch is written; costs next to nothing while tracing is off."""
    with _tracer.start_as_current_span("ingest batch", kind=SpanKind.CONSUMER) as span:
        if span.is_recording():
            span.set_attribute("messaging.system", "kafka")
            span.set_attribute("messaging.batch.message_count", len(batch))
            commands = (command for command in batch.commands if isinstance(command, CreateTask | ReportStatus))
            for context in islice(_sampled(command.traceparent for command in commands), LINKS_MAX):
                span.add_link(context)
        yield


@contextmanager
def chunk_span(messages: Sequence[Outbound]) -> Iterator[None]:
    """The current span while a chunk of events is published."""
    with _tracer.start_as_current_span("publish events", kind=SpanKind.PRODUCER) as span:
        if span.is_recording():
            span.set_attribute("messaging.system", "kafka")
            span.set_attribute("messaging.batch.message_count", len(messages))
            parents = (value for message in messages for name, value in message.headers if name == "traceparent")
            for context in islice(_sampled(parent for parent in parents if isinstance(parent, str)), LINKS_MAX):
                span.add_link(context)
        yield


def _sampled(traceparents: Iterable[str | None]) -> Iterator[SpanContext]:
    """The distinct contexts that their senders record."""
    seen: set[str] = set()
    for traceparent in traceparents:
        if traceparent is None or traceparent in seen:
            continue
        seen.add(traceparent)
        _, trace_id, span_id, flags = traceparent.split("-")
        if flags == _SAMPLED:
            yield SpanContext(
                int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
            )
