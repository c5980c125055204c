"""The server layer: runs any application as a process with an event loop, signals, telemetry and an exit code."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import IntEnum
from types import FrameType
from typing import NoReturn, Protocol, TypeVar

import orjson
import structlog
import uvloop

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class ExitCode(IntEnum):
    """What the end of a process means (after sysexits.h, timeout(1), and shells for signals)."""

    OK = 0
    """The work ended, or a signal asked for the end and the drain was complete."""
    USAGE = 64
    """The command line is wrong."""
    INTERNAL = 70
    """A failure that is nobody else's fault: start, work or drain raised an error."""
    TEMPORARY = 75
    """Something that the process depends on was not there at the start; trying again later may help."""
    CONFIGURATION = 78
    """The environment holds mistakes."""
    DRAIN_TIMEOUT = 124
    """The drain took longer than it may; what was in hand was dropped and will be done again."""
    INTERRUPTED = 130
    """A second signal, SIGINT, ended the process at once."""
    TERMINATED = 143
    """A second signal, SIGTERM, ended the process at once."""


class Application(Protocol):
    """What a program does, without knowing of processes."""

    async def start(self) -> None:
        """Opens resources and starts the work; returns when ready."""

    async def wait(self) -> None:
        """Returns when the work has ended by itself, raises when it has failed."""

    async def stop(self) -> None:
        """Drains and closes; may be called twice, before `start`, and while `start` is being cancelled."""


def serve(
    name: str,
    build: Callable[[], Application],
    *,
    grace: float,
    telemetry: Callable[[], Callable[[], None]] = lambda: lambda: None,
    unavailable: tuple[type[Exception], ...] = (ConnectionError, TimeoutError),
    log_fd: int = 1,
) -> ExitCode:
    """Runs an application until it ends, fails, or SIGTERM or SIGINT ends it; the process is to exit with the result.

    `grace` is the longest drain in seconds. Its alarm stays armed after the return, so that no stuck thread keeps the
    process alive: a process that misses it ends with DRAIN_TIMEOUT, one that gets a second signal ends at once; either
    tells so in a line to the file descriptor `log_fd`. `telemetry` is called first and returns what is called last. An
    error at the start of a type in `unavailable` means TEMPORARY, any other failure INTERNAL. For the main thread only.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        shutdown = _ShutdownRequest(name, grace, log_fd)
        shutdown.listen(runner.get_loop())
        stop_telemetry = _guarded(telemetry, "telemetry_start_failed")
        code = runner.run(_Life(name, build, shutdown, unavailable).run())
    if stop_telemetry:
        _guarded(stop_telemetry, "telemetry_stop_failed")
    return code


class _ShutdownRequest:
    """The first signal asks for the drain and arms its alarm, the second one ends the process."""

    def __init__(self, name: str, grace: float, log_fd: int) -> None:
        self._name = name
        self._log_fd = log_fd
        self._grace = grace
        self._requested = asyncio.Event()
        self.reason: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        # Python-level handlers instead of the loop's: they also run while the application blocks the loop.
        self._loop = loop
        signal.signal(signal.SIGALRM, self._on_alarm)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    async def wait(self) -> None:
        await self._requested.wait()

    def arm(self) -> None:
        """Starts the time for the drain, once."""
        if not signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.setitimer(signal.ITIMER_REAL, self._grace)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.reason is not None:
            self._end(ExitCode(128 + number), "ended_by_second_signal")
        self.reason = signal.Signals(number).name
        self.arm()
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._requested.set)

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        self._end(ExitCode.DRAIN_TIMEOUT, "drain_timed_out")

    def _end(self, code: ExitCode, event: str) -> NoReturn:
        # Written past the logger: a signal may come while this very thread holds one of the logger's locks.
        line = {
            "timestamp": datetime.now(UTC).isoformat(),
            "level": "error",
            "event": event,
            "logger": __name__,
            "process": self._name,
            "pid": os.getpid(),
            "exit_code": int(code),
        }
        with suppress(OSError):
            os.write(self._log_fd, orjson.dumps(line) + b"\n")
        os._exit(code)


class _Life:
    """One life of an application: start, work, drain."""

    def __init__(
        self,
        name: str,
        build: Callable[[], Application],
        shutdown: _ShutdownRequest,
        unavailable: tuple[type[Exception], ...],
    ) -> None:
        self._name = name
        self._build = build
        self._shutdown = shutdown
        self._unavailable = unavailable

    async def run(self) -> ExitCode:
        asyncio.get_running_loop().set_exception_handler(_log_unhandled)
        began = time.monotonic()
        _log.info("starting", program=self._name)
        try:
            application = self._build()
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a log line and an exit code
            return self._failed_start(error)
        code, working = await self._work(application)
        self._shutdown.arm()
        drained = await self._drain(application, working)
        code = code or drained
        _log.info("stopped", program=self._name, exit_code=int(code), seconds=round(time.monotonic() - began, 3))
        return code

    async def _work(self, application: Application) -> tuple[ExitCode, asyncio.Task[None] | None]:
        requested = asyncio.create_task(self._shutdown.wait(), name="shutdown-request")
        starting = asyncio.create_task(application.start(), name="start")
        await asyncio.wait({starting, requested}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
        if starting.cancelled() and requested.done():
            return ExitCode.OK, None
        if error := _error_of(starting):
            return self._failed_start(error), None
        _log.info("started", program=self._name)
        working = asyncio.create_task(application.wait(), name="work")
        await asyncio.wait({working, requested}, return_when=asyncio.FIRST_COMPLETED)
        _log.info("stopping", program=self._name, reason=self._shutdown.reason or "work_ended")
        error = _error_of(working) if working.done() else None
        return (self._failed("work_failed", error) if error else ExitCode.OK), working

    async def _drain(self, application: Application, working: asyncio.Task[None] | None) -> ExitCode:
        pending = working if working and not working.done() else None
        # The work is not cancelled before the drain: what waits for a task directly would cancel that task too.
        stopping = asyncio.create_task(application.stop(), name="stop")
        await asyncio.wait({stopping})
        code = ExitCode.OK
        if pending:
            pending.cancel()
            await asyncio.wait({pending})
            if not pending.cancelled() and (error := pending.exception()):
                code = self._failed("work_failed", error)
        if error := _error_of(stopping):
            code = self._failed("stop_failed", error)
        return code

    def _failed(self, event: str, error: BaseException) -> ExitCode:
        _log.error(event, program=self._name, exc_info=error)
        return ExitCode.INTERNAL

    def _failed_start(self, error: BaseException) -> ExitCode:
        if isinstance(error, self._unavailable):
            # Its words are all that there is to know: where it was raised is of no interest.
            code = ExitCode.TEMPORARY
            _log.error("start_failed", program=self._name, exit_code=int(code), error=str(error) or repr(error))
            return code
        _log.error("start_failed", program=self._name, exit_code=int(ExitCode.INTERNAL), exc_info=error)
        return ExitCode.INTERNAL


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    """How a finished task failed; one that was cancelled from inside has failed too."""
    return asyncio.CancelledError("cancelled from inside") if task.cancelled() else task.exception()


def _log_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    _log.error(
        "unhandled_error", detail=context.get("message"), exc_info=error if isinstance(error, BaseException) else None
    )


def _guarded(action: Callable[[], _T], event: str) -> _T | None:
    """Telemetry is never the reason for a service not to run."""
    try:
        return action()
    except Exception:  # noqa: BLE001 - see above
        _log.exception(event)
        return None
