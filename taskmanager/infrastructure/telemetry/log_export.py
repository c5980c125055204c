"""Log lines for the collector: the same masked events that stdout gets, by OTLP over HTTP."""

from collections.abc import Callable, MutableMapping
from typing import Any, NamedTuple, Protocol

from structlog.typing import Processor

from taskmanager.infrastructure.telemetry.tracing import EXPORT_SECONDS, within_seconds

# Lines of the exporter about itself would come back to it for ever.
_OWN_LOGGERS = ("opentelemetry", "urllib3", "requests")
_RESERVED = {"event", "level", "timestamp", "trace_id", "span_id"}


class LogExportConfig(Protocol):
    """What the export needs to know; ObservabilityConfig fits."""

    @property
    def otel_logs_enabled(self) -> bool: ...
    @property
    def otel_exporter_otlp_endpoint(self) -> str: ...


class LogExport(NamedTuple):
    """The processor to give to configure_logging, and what flushes and stops the export (at most about 4 s)."""

    processor: Processor
    shutdown: Callable[[], None]


def start_log_export(config: LogExportConfig, service_name: str, service_version: str = "") -> LogExport | None:
    """Starts the export; None, with nothing loaded, where it is not enabled."""
    if not config.otel_logs_enabled:
        return None
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    resource = Resource.create({"service.name": service_name, "service.version": service_version})
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPLogExporter(f"{config.otel_exporter_otlp_endpoint}/v1/logs", timeout=EXPORT_SECONDS)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger(service_name)
    severities = {
        "debug": SeverityNumber.DEBUG,
        "info": SeverityNumber.INFO,
        "warning": SeverityNumber.WARN,
        "error": SeverityNumber.ERROR,
        "critical": SeverityNumber.FATAL,
    }

    def export(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if not str(event.get("logger")).startswith(_OWN_LOGGERS):
            level = str(event.get("level"))
            logger.emit(
                body=str(event.get("event")),
                severity_text=level.upper(),
                severity_number=severities.get(level, SeverityNumber.INFO),
                attributes={key: _attribute(value) for key, value in event.items() if key not in _RESERVED},
            )
        return event

    return LogExport(export, lambda: within_seconds(provider.shutdown))


def _attribute(value: Any) -> str | bool | int | float:
    return value if isinstance(value, str | bool | int | float) else str(value)
