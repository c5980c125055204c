"""Logs: one JSON object per line on stdout, also for what comes through the standard library's logging."""

import logging
import sys
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from os import getpid
from typing import Any, BinaryIO

import structlog
from opentelemetry import trace
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from taskmanager.infrastructure.telemetry.masking import Masking
from taskmanager.infrastructure.telemetry.rate_limit import TEMPLATE, RateLimit
from taskmanager.infrastructure.telemetry.rendering import LineLogger, LineWriter, render_json

_MOST_FRAMES = 20
_LOGGER = "taskmanager"


def configure_logging(
    process: str,
    *,
    level: str = "info",
    slot: str | None = None,
    secrets: Iterable[str] = (),
    stream: BinaryIO | None = None,
    human: bool | None = None,
    rate_limit: RateLimit | None = None,
    export: Sequence[Processor] = (),
) -> Callable[[], None]:
    """Sends every log line of this process to `stream` (default: stdout), for people if that is a terminal.

    `process` and `slot` stand on every line; `level` is the least severe one written (debug … critical); `secrets` are
    masked wherever they appear; `export` see each event before it is rendered. Returns what is to be called at the
    end: it tells of the lines that the rate limit dropped.
    """
    if human is None:
        human = stream is None and sys.stdout.isatty()
    writer = LineWriter(sys.stdout.buffer if stream is None else stream)
    limit = rate_limit or RateLimit()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    identity = {"process": process, "pid": getpid()} | ({"slot": slot} if slot else {})
    processors = _processors(identity, limit, Masking(secrets), human=human, export=export)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _add_logger_name,
            *processors,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *name: LineLogger(writer, str(name[0]) if name else _LOGGER),
        cache_logger_on_first_use=True,
    )
    logging.root.handlers[:] = [_ForeignHandler(writer, processors)]
    logging.root.setLevel(threshold)
    logging.captureWarnings(capture=True)
    return lambda: _tell_suppressed(limit)


def _processors(
    identity: dict[str, Any], limit: RateLimit, masking: Masking, *, human: bool, export: Sequence[Processor]
) -> list[Processor]:
    def add_identity(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.update(identity)
        return event

    return [
        limit,
        ExceptionRenderer() if human else ExceptionRenderer(_structured()),
        masking,
        # What the process itself adds needs no masking.
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_identity,
        add_trace_context,
        *export,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback) if human else render_json,
    ]


def _structured() -> ExceptionDictTransformer:
    # Values of local variables may be anything, secrets and whole batches included.
    return ExceptionDictTransformer(show_locals=False, max_frames=_MOST_FRAMES)


def add_trace_context(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: adds trace_id and span_id, in hexadecimal, where a span is current."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _add_logger_name(logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["logger"] = logger.name
    return event


class _ForeignHandler(logging.Handler):
    """Takes records of the standard library's logging through the same processors."""

    def __init__(self, writer: LineWriter, processors: list[Processor]) -> None:
        super().__init__()
        self._writer = writer
        self._processors = processors

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event: Any = {
                "event": record.getMessage(),
                TEMPLATE: str(record.msg),
                "logger": record.name,
                "level": record.levelname.lower(),
                "exc_info": record.exc_info or None,
            }
            if not event["exc_info"]:
                del event["exc_info"]
            line = LineLogger(self._writer, record.name)
            for processor in self._processors:
                event = processor(line, event["level"], event)
            line.msg(event)
        except structlog.DropEvent:
            return
        except Exception:  # noqa: BLE001 - a line that cannot be written must not stop the work
            self.handleError(record)


def _tell_suppressed(limit: RateLimit) -> None:
    logger = structlog.get_logger(_LOGGER)
    for event, name, suppressed in limit.drain():
        logger.info("lines_suppressed", of=event, of_logger=name, suppressed=suppressed)
