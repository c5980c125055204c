"""System events: every long-running process tells operators of its health, its figures and its errors."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import Protocol, runtime_checkable
from uuid import uuid4

import structlog
from confluent_kafka import KafkaException
from prometheus_client import REGISTRY

from taskmanager.api.kafka.system_messages import encode
from taskmanager.application.use_cases import report_system
from taskmanager.application.use_cases.report_system import OK, ReportSystem
from taskmanager.config.settings import Settings
from taskmanager.domain.events import SystemEvent
from taskmanager.infrastructure.kafka.system_events import SystemEventPublisher
from taskmanager.infrastructure.metrics import multiprocess
from taskmanager.infrastructure.metrics.figures import ProcessFigures, SystemEventMetrics
from taskmanager.infrastructure.telemetry.error_lines import ErrorLines
from taskmanager.infrastructure.telemetry.masking import mask_text
from taskmanager.server import Application

_FLUSH_SECONDS = 1.0
_FLUSH_SHARE = 0.1

_log = structlog.get_logger(__name__)


@runtime_checkable
class KnowsItsHealth(Protocol):
    """An application that can tell more of itself than that its event loop turns."""

    async def health(self) -> Mapping[str, str]:
        """What it depends on, by name: `ok`, or what is wrong."""


class Reporting:
    """The system events of one process; does nothing at all where SYSTEM_EVENTS_INTERVAL is 0.

    `errors`, if any, is the log's processor that hears of errors.
    """

    def __init__(self, settings: Settings, slot: str) -> None:
        self._settings = settings
        self._slot = slot
        self._report: ReportSystem | None = None
        self._outlet: KafkaOutlet | None = None
        # Nothing there logs errors; if it ever does, they must not become events that fail in turn.
        ignored = [__name__, report_system.__name__]
        self.errors = ErrorLines(ignored=ignored) if settings.app.system_events_interval else None

    def around(self, build: Callable[[], Application]) -> Application:
        """The application that `build` makes, reported on; without reports if they cannot be made."""
        if self.errors is None:
            return build()
        try:
            figures = self._figures()
        except OSError as error:
            _log.warning("system_events_off", error=str(error))
            return build()
        application = build()
        try:
            self._outlet = KafkaOutlet(self._settings, self._slot)
        except KafkaException as error:
            _log.warning("system_events_off", error=str(error))
            return application
        self._report = ReportSystem(
            self._slot,
            self._outlet,
            self.errors,
            figures,
            application.health if isinstance(application, KnowsItsHealth) else _turns,
            interval=self._settings.app.system_events_interval,
            mask=mask_text,
        )
        return Reported(application, self._report)

    def close(self) -> None:
        """Sends what is left; waits for it a second at most, and no longer than a tenth of the time for a drain."""
        if self._report and self._outlet:
            self._report.tell_errors()
            self._outlet.close()

    def _figures(self) -> ProcessFigures:
        observability = self._settings.observability
        if not observability.prometheus_multiproc_dir or not observability.metrics_enabled:
            return ProcessFigures(REGISTRY.collect)
        directory = Path(observability.prometheus_multiproc_dir)
        # Also for programs that count nothing else: what would not be shared would leave a file for every process.
        multiprocess.enable(self._slot, directory)
        return ProcessFigures(partial(multiprocess.counters_of, self._slot, directory))


class Reported:
    """An application that is reported on while it works."""

    def __init__(self, application: Application, report: ReportSystem) -> None:
        self._application = application
        self._report = report
        self._reporting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts the application, then the reports."""
        await self._application.start()
        self._reporting = asyncio.create_task(self._report.run(), name="system-events")

    async def wait(self) -> None:
        """As the application."""
        await self._application.wait()

    async def stop(self) -> None:
        """Stops the application, then the reports."""
        try:
            await self._application.stop()
        finally:
            if self._reporting is not None:
                self._reporting.cancel()
                await asyncio.wait({self._reporting})


class KafkaOutlet:
    """System events as messages of the system topic; raises `KafkaException` if the client's properties are wrong."""

    def __init__(self, settings: Settings, slot: str) -> None:
        kafka = settings.kafka
        counted = settings.observability.metrics_enabled
        self.dropped = SystemEventMetrics().dropped if counted else _uncounted
        self._publisher = SystemEventPublisher(
            kafka.client_properties(f"{slot}-events"), kafka.system_events_topic, self.dropped
        )
        self._encode = partial(encode, source=settings.app.name, host=gethostname())
        self._flush_seconds = min(_FLUSH_SECONDS, settings.app.graceful_shutdown_timeout * _FLUSH_SHARE)

    def send(self, event: SystemEvent) -> None:
        """Queues the event's message."""
        self._publisher.send(*self._encode(event, event_id=uuid4()))

    def poll(self) -> None:
        """Takes the brokers' answers."""
        self._publisher.poll()

    def close(self) -> None:
        """Sends what is queued, if that is soon done."""
        self._publisher.close(self._flush_seconds)


async def _turns() -> Mapping[str, str]:
    """All that is known of an application that tells nothing: its event loop turns."""
    return {"process": OK}


def _uncounted(_reason: str, _count: int) -> None:
    return None
