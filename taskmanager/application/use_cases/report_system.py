"""Tells operators how one process is: its health, its figures, its errors."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from taskmanager.domain.events import ErrorOccurred, HealthCheck, MetricsUpdate, SystemEvent

OK = "ok"
_TICK_SECONDS = 1.0
_HEALTH_SECONDS = 5.0
_ERRORS_A_TICK = 10

_log = structlog.get_logger(__name__)


class SystemEventOutlet(Protocol):
    """Where system events go: never waits, never raises, drops and counts what does not fit."""

    def send(self, event: SystemEvent) -> None: ...
    def dropped(self, reason: str, count: int) -> None: ...
    def poll(self) -> None: ...


class LoggedError(Protocol):
    """An error that was logged; its texts are masked."""

    @property
    def logged_at(self) -> datetime: ...
    @property
    def event(self) -> str: ...
    @property
    def detail(self) -> str: ...


class LoggedErrors(Protocol):
    """The errors that were logged and not taken yet."""

    def take(self, most: int) -> tuple[Sequence[LoggedError], int]:
        """The oldest, at most so many, and the number of those that found no room."""


class ReportSystem:
    """Sends HealthCheck every `interval` seconds, MetricsUpdate every second time, ErrorOccurred as errors are logged.

    `health` answers `ok` or what is wrong, by name; it is given up after `patience` seconds. Of the errors at most
    ten a second are told; those that find no room meanwhile count as dropped, reason `rate_limited`.
    """

    def __init__(
        self,
        process: str,
        outlet: SystemEventOutlet,
        errors: LoggedErrors,
        figures: Callable[[], Mapping[str, float]],
        health: Callable[[], Awaitable[Mapping[str, str]]],
        *,
        interval: float,
        mask: Callable[[str], str],
        patience: float = _HEALTH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._process = process
        self._outlet = outlet
        self._errors = errors
        self._figures = figures
        self._health = health
        self._interval = interval
        self._mask = mask
        self._patience = patience
        self._clock = clock
        self._now = now
        self._due = clock()
        self._checks = 0

    async def run(self) -> None:
        """Reports until it is cancelled; a report that fails costs nothing but itself."""
        while True:
            try:
                await self.tick()
            except Exception as error:  # noqa: BLE001 - reporting is never the reason for a program to end
                # No more than a warning: an error line would be the next thing to report.
                _log.warning("system_event_failed", error=repr(error))
                self._outlet.dropped("failed", 1)
            await asyncio.sleep(min(_TICK_SECONDS, self._interval))

    async def tick(self) -> None:
        """Sends what is due."""
        self.tell_errors()
        if self._clock() >= self._due:
            self._due = self._clock() + self._interval
            self._checks += 1
            await self._tell_health()
            if self._checks % 2 == 0:
                figures = self._figures()
                self._outlet.send(MetricsUpdate(process=self._process, occurred_at=self._now(), figures=figures))
        self._outlet.poll()

    def tell_errors(self) -> None:
        """Sends the oldest errors that were logged and not told of yet."""
        errors, missed = self._errors.take(_ERRORS_A_TICK)
        for error in errors:
            self._outlet.send(
                ErrorOccurred(
                    process=self._process, occurred_at=error.logged_at, error=error.event, detail=error.detail
                )
            )
        if missed:
            self._outlet.dropped("rate_limited", missed)

    async def _tell_health(self) -> None:
        checks = {name: finding if finding == OK else self._mask(finding) for name, finding in await self._findings()}
        healthy = all(finding == OK for finding in checks.values())
        self._outlet.send(HealthCheck(process=self._process, occurred_at=self._now(), healthy=healthy, checks=checks))

    async def _findings(self) -> Sequence[tuple[str, str]]:
        # In a task of its own: a driver that cancels whoever asks must not end the reports.
        asking = asyncio.ensure_future(self._health())
        try:
            await asyncio.wait({asking}, timeout=self._patience)
        finally:
            asking.cancel()
        if not asking.done():
            return [("process", f"does not tell its health within {self._patience:g} s")]
        if asking.cancelled():
            return [("process", "cannot tell its health: cancelled")]
        if error := asking.exception():
            return [("process", f"cannot tell its health: {error!r}")]
        return list(asking.result().items())
