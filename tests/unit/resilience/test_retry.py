"""What a store may do later is tried until it does or the process stops; pauses pass at once."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
import stamina
from structlog.testing import capture_logs

from taskmanager.application.ports import Fenced, StoreUnavailable
from taskmanager.infrastructure.resilience.refusals import StoreCircuitOpen
from taskmanager.infrastructure.resilience.retry import RetryUnavailable, Stopped

_ENOUGH = 1000


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=_ENOUGH):
        yield


class Flaky:
    """Fails as it is told, then answers."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = iter(failures)
        self.calls: list[tuple[int, str]] = []

    async def __call__(self, number: int, *, name: str) -> str:
        """Answers its arguments."""
        self.calls.append((number, name))
        if failure := next(self._failures, None):
            raise failure
        return f"{name} {number}"


def retrying(
    inner: Flaky, retried: Callable[[str], None] = lambda kind: None, stopping: Callable[[], bool] = lambda: False
) -> RetryUnavailable[..., str]:
    """The store's failures are tried again."""
    return RetryUnavailable(inner, on=(StoreUnavailable, TimeoutError), stopping=stopping, retried=retried)


async def test_it_calls_again_with_the_same_arguments_until_it_gets_an_answer() -> None:
    inner = Flaky(StoreUnavailable("gone", "08"), StoreUnavailable("full", "53"))

    assert await retrying(inner)(7, name="batch") == "batch 7"
    assert inner.calls == [(7, "batch")] * 3


async def test_it_never_gives_up_by_itself() -> None:
    inner = Flaky(*[StoreUnavailable("gone", "08")] * 500)

    assert await retrying(inner)(7, name="batch") == "batch 7"


async def test_failures_are_told_by_kind_and_logged_once_each() -> None:
    kinds: list[str] = []
    inner = Flaky(StoreUnavailable("gone", "08"), StoreUnavailable("lost"), TimeoutError("slow"))
    with capture_logs() as logs:
        await retrying(inner, kinds.append)(7, name="batch")

    assert kinds == ["08", "connection", "unavailable"]
    assert [line["error"] for line in logs] == ["gone", "lost", "slow"]


@pytest.mark.parametrize("failure", [Fenced("overtaken"), RuntimeError("a bug")])
async def test_any_other_failure_is_the_callers(failure: Exception) -> None:
    inner = Flaky(failure)

    with pytest.raises(type(failure)):
        await retrying(inner)(7, name="batch")
    assert len(inner.calls) == 1


async def test_it_stops_trying_once_the_process_stops() -> None:
    inner = Flaky(*[StoreUnavailable("gone", "08")] * 10)

    with pytest.raises(Stopped):
        await retrying(inner, stopping=lambda: len(inner.calls) == 3)(7, name="batch")
    assert len(inner.calls) == 3


def test_no_series_per_attempt_is_left_to_the_metrics() -> None:
    assert stamina.instrumentation.get_on_retry_hooks() == ()


async def test_after_a_refusal_of_the_breaker_it_waits_as_long_as_the_breaker_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    stamina.set_testing(False)
    inner = Flaky(StoreCircuitOpen("away", 1.5), StoreCircuitOpen("away", -0.1), StoreCircuitOpen("away", 60.0))
    with capture_logs() as logs:
        await retrying(inner)(7, name="batch")

    assert pauses == [1.5, 0.0, 3.0], "no longer than the longest pause: each attempt is a sign of life"
    assert logs == []


async def test_the_pauses_begin_and_end_where_they_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    stamina.set_testing(False)
    inner = Flaky(*[StoreUnavailable("gone")] * 20)
    retry = RetryUnavailable(
        inner,
        on=(StoreUnavailable,),
        stopping=lambda: False,
        retried=lambda _: None,
        first_pause=0.2,
        longest_pause=2.0,
    )
    await retry(7, name="batch")

    assert 0.2 <= pauses[0] <= 0.7
    assert max(pauses) <= 2.0
