"""How every long-running program is launched: settings, logs and traces around the server layer."""

from collections.abc import Callable
from typing import BinaryIO

import structlog

from taskmanager.config.settings import Settings, load_settings
from taskmanager.infrastructure.telemetry.log_export import start_log_export
from taskmanager.infrastructure.telemetry.logging import configure_logging
from taskmanager.infrastructure.telemetry.tracing import start_tracing
from taskmanager.programs.reporting import Reporting
from taskmanager.server import Application, ExitCode, serve


def launch(
    program: str,
    build: Callable[[Settings], Application],
    *,
    slot: str | None = None,
    unavailable: tuple[type[Exception], ...] = (ConnectionError, TimeoutError),
    stream: BinaryIO | None = None,
) -> ExitCode:
    """Reads the settings, and runs what `build` makes of them until its end; returns the process's exit code.

    `slot` tells several processes of one program apart in the logs; errors of the types in `unavailable` at the start
    mean that trying again later may help; the log goes to `stream` (default: stdout).
    Raises ConfigurationError before anything has started.
    """
    settings = load_settings()
    reporting = Reporting(settings, slot or program)
    return serve(
        program,
        lambda: reporting.around(lambda: build(settings)),
        grace=settings.app.graceful_shutdown_timeout,
        telemetry=lambda: start_telemetry(settings, program, slot, stream, reporting),
        unavailable=unavailable,
        log_fd=stream.fileno() if stream else 1,
    )


def start_telemetry(
    settings: Settings, program: str, slot: str | None, stream: BinaryIO | None, reporting: Reporting
) -> Callable[[], None]:
    """Starts logs and traces for this process; returns what flushes and stops them and the system events."""
    service, version = settings.app.name, settings.app.version
    export = start_log_export(settings.observability, service, version)
    tell_suppressed = configure_logging(
        program,
        level=settings.observability.log_level,
        slot=slot,
        secrets=settings.secret_values(),
        stream=stream,
        export=[*([export.processor] if export else []), *([reporting.errors] if reporting.errors else [])],
    )
    stop_tracing = start_tracing(settings.observability, service, version)
    for warning in settings.warnings:
        structlog.get_logger(__name__).warning("configuration_warning", detail=warning)

    def stop() -> None:
        tell_suppressed()
        stop_tracing()
        reporting.close()
        if export:
            export.shutdown()

    return stop
