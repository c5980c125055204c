"""Runs one application under the server layer; the test sends the signals. Usage: scenario.py NAME GRACE."""

import asyncio
import sys
import threading
from collections.abc import Callable

from taskmanager.infrastructure.telemetry.logging import configure_logging
from taskmanager.server import Application, serve


def say(text: str) -> None:
    print(f'{{"event": "{text}"}}', flush=True)


class Idle:
    async def start(self) -> None:
        say(f"start on {type(asyncio.get_running_loop()).__module__.split('.')[0]}")

    async def wait(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        say("drained")


class EndsByItself(Idle):
    async def wait(self) -> None:
        return


class WorkFails(Idle):
    async def wait(self) -> None:
        raise RuntimeError("broken work")


class WorkIsCancelledFromInside(Idle):
    async def wait(self) -> None:
        raise asyncio.CancelledError


class FailsWhileDraining(Idle):
    def __init__(self) -> None:
        self._draining = asyncio.Event()

    async def wait(self) -> None:
        await self._draining.wait()
        raise RuntimeError("last batch failed")

    async def stop(self) -> None:
        self._draining.set()
        await asyncio.sleep(0)


class WaitsForItsTask(Idle):
    """Cancelling `wait` before the drain would cancel the work in hand."""

    def __init__(self) -> None:
        self._intake_closed = asyncio.Event()

    async def start(self) -> None:
        self._work = asyncio.create_task(self._batch())

    async def _batch(self) -> None:
        await self._intake_closed.wait()
        say("batch finished")

    async def wait(self) -> None:
        await self._work

    async def stop(self) -> None:
        self._intake_closed.set()
        await self._work


class StartFails(Idle):
    async def start(self) -> None:
        raise ValueError("broken start")


class DependencyAway(Idle):
    async def start(self) -> None:
        raise ConnectionRefusedError("nobody listens")


class StartHangs(Idle):
    async def start(self) -> None:
        say("starting up")
        await asyncio.Event().wait()


class StopFails(Idle):
    async def stop(self) -> None:
        raise RuntimeError("broken stop")


class StopHangs(Idle):
    async def stop(self) -> None:
        say("draining")
        await asyncio.Event().wait()


class StopBlocksTheLoop(Idle):
    async def stop(self) -> None:
        say("draining")
        while True:
            pass


class LeavesAThread(Idle):
    async def stop(self) -> None:
        threading.Thread(target=threading.Event().wait).start()


class BackgroundTaskFails(Idle):
    async def start(self) -> None:
        asyncio.get_running_loop().call_soon(self._fail)

    def _fail(self) -> None:
        raise RuntimeError("nobody waits for me")

    async def wait(self) -> None:
        await asyncio.sleep(0)


class BuildFails(Idle):
    def __init__(self) -> None:
        raise ValueError("broken build")


def telemetry() -> Callable[[], None]:
    configure_logging("scenario")
    return lambda: say("telemetry stopped")


def broken_telemetry() -> Callable[[], None]:
    configure_logging("scenario")
    raise RuntimeError("no collector")


if __name__ == "__main__":
    name, grace = sys.argv[1], float(sys.argv[2])
    build: Callable[[], Application] = EndsByItself if name == "BrokenTelemetry" else globals()[name]
    code = serve("scenario", build, grace=grace, telemetry=broken_telemetry if name == "BrokenTelemetry" else telemetry)
    sys.exit(code)
