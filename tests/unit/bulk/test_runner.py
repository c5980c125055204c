"""Operations are advanced while there are any, whatever the database does."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases.bulk.runner import OperationRunner

NEVER = 1000.0


class Work:
    """So many chunks, each of which takes some seconds; failures come first."""

    def __init__(self) -> None:
        self.chunks = 0
        self.failures: list[Exception] = []
        self.calls = 0
        self.seconds = 0.0
        self.changed = asyncio.Condition()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._now = 0.0

    async def advance(self) -> bool:
        async with self.changed:
            self.calls += 1
            self.changed.notify_all()
        await self.go_on.wait()
        self._now += self.seconds
        if self.failures:
            raise self.failures.pop(0)
        self.chunks -= self.chunks > 0
        return self.chunks > 0

    def monotonic(self) -> float:
        return self._now

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self.changed:
            await self.changed.wait_for(condition)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def run(work: Work) -> AsyncIterator[Callable[..., OperationRunner]]:
    runners = []

    def start(idle_seconds: float = NEVER) -> OperationRunner:
        runner = OperationRunner(work.advance, idle_seconds=idle_seconds, monotonic=work.monotonic)
        runners.append(runner)
        runner.start()
        return runner

    yield start
    work.go_on.set()
    for runner in runners:
        await runner.stop()


async def test_all_chunks_are_done_one_after_another(work: Work, run: Callable[..., OperationRunner]) -> None:
    work.chunks = 5
    runner = run()
    await work.until(lambda: work.calls == 5)
    await runner.stop()
    assert (work.calls, work.chunks) == (5, 0)


async def test_what_is_begun_here_is_advanced_at_once(work: Work, run: Callable[..., OperationRunner]) -> None:
    runner = run()
    await work.until(lambda: work.calls == 1)
    runner.wake()
    await work.until(lambda: work.calls == 2)


async def test_what_is_begun_during_the_last_look_is_not_overlooked(
    work: Work, run: Callable[..., OperationRunner]
) -> None:
    work.go_on.clear()
    runner = run()
    await work.until(lambda: work.calls == 1)
    runner.wake()
    work.go_on.set()
    await work.until(lambda: work.calls == 2)


async def test_what_is_begun_elsewhere_is_found_by_looking(work: Work, run: Callable[..., OperationRunner]) -> None:
    run(idle_seconds=0.001)
    await work.until(lambda: work.calls >= 4)


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), KeyError("a defect")])
async def test_failures_end_nothing(work: Work, run: Callable[..., OperationRunner], failure: Exception) -> None:
    work.failures = [failure, failure]
    run(idle_seconds=0.001)
    await work.until(lambda: work.calls >= 4)


async def test_a_pause_is_as_long_as_the_work(
    work: Work, run: Callable[..., OperationRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float | None] = []
    module = "taskmanager.application.use_cases.bulk.runner"

    async def pause(event: asyncio.Event, seconds: float | None) -> bool:
        pauses.append(seconds)
        return seconds == NEVER and await event.wait()

    monkeypatch.setattr(f"{module}.is_set_within", pause)
    work.chunks, work.seconds = 3, 0.25
    run()
    await work.until(lambda: work.calls == 3)
    work.chunks, work.seconds = 0, 0
    assert pauses[:2] == [0.25, 0.25]


async def test_stopping_waits_for_the_chunk_in_hand_and_begins_no_other(work: Work) -> None:
    work.chunks = 5
    work.go_on.clear()
    runner = OperationRunner(work.advance, idle_seconds=NEVER, monotonic=work.monotonic)
    runner.start()
    runner.start()
    await work.until(lambda: work.calls == 1)
    stopping = asyncio.create_task(runner.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    work.go_on.set()
    await stopping
    await runner.stop()
    assert work.calls == 1


async def test_what_was_never_started_can_be_stopped(work: Work) -> None:
    await OperationRunner(work.advance).stop()
    assert work.calls == 0
