"""One span a batch, linked to the traces that its messages belong to."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from opentelemetry import trace
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from taskmanager.application.batch import Batch
from taskmanager.application.commands import CreateTask, ReportStatus

# The SDK's default limit; a batch may hold thousands of traces.
LINKS_MAX = 128
_SAMPLED = "01"

_tracer = trace.get_tracer("taskmanager.consumer")


@contextmanager
def batch_span(batch: Batch) -> Iterator[None]:
    """The current span while a batch is written; costs next to nothing while tracing is off."""
    with _tracer.start_as_current_span("ingest batch", kind=SpanKind.CONSUMER) as span:
        if span.is_recording():
            span.set_attribute("messaging.system", "kafka")
            span.set_attribute("messaging.batch.message_count", len(batch))
            for context in islice(_sampled(batch), LINKS_MAX):
                span.add_link(context)
        yield


def _sampled(batch: Batch) -> Iterator[SpanContext]:
    """The distinct contexts of the batch that their senders record."""
    seen: set[str] = set()
    for command in batch.commands:
        if not isinstance(command, CreateTask | ReportStatus) or command.traceparent is None:
            continue
        _, trace_id, span_id, flags = command.traceparent.split("-")
        if flags == _SAMPLED and command.traceparent not in seen:
            seen.add(command.traceparent)
            yield SpanContext(
                int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
            )
