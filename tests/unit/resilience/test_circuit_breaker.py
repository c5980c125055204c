"""When calls are let through, and when they are refused."""

import asyncio

import pytest
from structlog.testing import capture_logs

from taskmanager.application.ports import (
    BUSY,
    NO_ROOM,
    Fenced,
    RowRefused,
    StoreConflict,
    StoreError,
    StoreUnavailable,
)
from taskmanager.infrastructure.kafka.topics import TopicsMissing, TopicsUnavailable
from taskmanager.infrastructure.resilience.circuit_breaker import Circuit, CircuitBreaker
from taskmanager.infrastructure.resilience.refusals import (
    KafkaCircuitOpen,
    StoreCircuitOpen,
    is_kafka_outage,
    is_store_outage,
)
from tests.fakes.seconds import Seconds

PAUSE = 2.0


class Scene:
    """A breaker that opens at the third failure, and what became of its calls."""

    def __init__(self, chance: float = 0.5) -> None:
        self.clock = Seconds()
        self.entered: list[Circuit] = []
        self.breaker = CircuitBreaker(
            "postgresql",
            failures=3,
            pause=PAUSE,
            is_outage=is_store_outage,
            refusal=StoreCircuitOpen,
            on_change=lambda _, circuit: self.entered.append(circuit),
            clock=self.clock,
            chance=lambda: chance,
        )

    def call(self, error: Exception | None = None) -> str:
        try:
            with self.breaker.admission():
                if error is not None:
                    raise error
        except StoreCircuitOpen:
            return "refused"
        except (StoreError, KeyError):
            return "failed"
        return "answered"

    def fail(self, times: int = 3) -> None:
        for _ in range(times):
            assert self.call(StoreUnavailable("gone")) == "failed"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_calls_pass_while_their_failures_are_not_in_a_row(scene: Scene) -> None:
    for _ in range(10):
        scene.fail(2)
        assert scene.call() == "answered"
    assert scene.breaker.circuit is Circuit.CLOSED
    assert scene.entered == []


def test_the_last_failure_in_a_row_opens_it_and_calls_are_refused_without_being_made(scene: Scene) -> None:
    scene.fail()
    assert scene.breaker.circuit is Circuit.OPEN
    assert scene.call() == "refused"


def test_a_refusal_is_an_outage_of_the_port_that_tells_why_and_for_how_long(scene: Scene) -> None:
    scene.fail()
    scene.clock.now += 0.5
    with (
        pytest.raises(StoreUnavailable, match="taken to be away, because of: gone") as caught,
        scene.breaker.admission(),
    ):
        raise AssertionError("the call was made")
    assert caught.value.kind == "breaker_open"
    assert isinstance(caught.value, StoreCircuitOpen)
    assert caught.value.retry_after == pytest.approx(1.5)


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 1.5), (0.5, 2.0), (1.0, 2.5)])
def test_the_pause_has_jitter(chance: float, pause: float) -> None:
    scene = Scene(chance)
    scene.fail()
    scene.clock.now += pause - 0.01
    assert scene.call() == "refused"
    scene.clock.now += 0.01
    assert scene.call() == "answered"


def test_the_success_of_the_probe_closes_it(scene: Scene) -> None:
    scene.fail()
    scene.clock.now += PAUSE
    assert scene.call() == "answered"
    assert scene.entered == [Circuit.OPEN, Circuit.HALF_OPEN, Circuit.CLOSED]
    scene.fail(2)
    assert scene.call() == "answered"


def test_the_failure_of_the_probe_begins_another_pause(scene: Scene) -> None:
    scene.fail()
    scene.clock.now += PAUSE
    scene.fail(1)
    assert scene.breaker.circuit is Circuit.OPEN
    scene.clock.now += PAUSE - 0.01
    assert scene.call() == "refused"
    scene.clock.now += 0.01
    assert scene.call() == "answered"


def test_while_a_probe_is_under_way_every_other_call_is_refused(scene: Scene) -> None:
    scene.fail()
    scene.clock.now += PAUSE
    with scene.breaker.admission():
        assert scene.breaker.circuit is Circuit.HALF_OPEN
        assert [scene.call() for _ in range(5)] == ["refused"] * 5
    assert scene.breaker.circuit is Circuit.CLOSED


async def test_of_many_callers_at_once_exactly_one_is_the_probe(scene: Scene) -> None:
    scene.fail()
    scene.clock.now += PAUSE
    answer, made = asyncio.Event(), 0

    async def call() -> str:
        nonlocal made
        try:
            with scene.breaker.admission():
                made += 1
                await answer.wait()
        except StoreCircuitOpen:
            return "refused"
        return "answered"

    callers = [asyncio.create_task(call()) for _ in range(20)]
    await asyncio.wait(callers, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert made == 1
    answer.set()
    assert sorted(await asyncio.gather(*callers)) == ["answered"] + ["refused"] * 19
    assert scene.breaker.circuit is Circuit.CLOSED


async def test_a_probe_that_is_cancelled_leaves_its_place_to_the_next(scene: Scene) -> None:
    scene.fail()
    scene.clock.now += PAUSE

    has_begun = asyncio.Event()

    async def probe() -> None:
        with scene.breaker.admission():
            has_begun.set()
            await asyncio.Event().wait()

    probing = asyncio.create_task(probe())
    await has_begun.wait()
    probing.cancel()
    await asyncio.wait([probing])
    assert scene.call() == "answered"
    assert scene.breaker.circuit is Circuit.CLOSED


@pytest.mark.parametrize("comes_to", [None, StoreUnavailable("late")])
def test_a_call_from_before_the_outage_neither_closes_nor_opens_it(scene: Scene, comes_to: Exception | None) -> None:
    late = scene.breaker.admission()
    late.__enter__()
    scene.fail()
    scene.clock.now += PAUSE
    with scene.breaker.admission():
        late.__exit__(type(comes_to) if comes_to else None, comes_to, None)
        assert scene.breaker.circuit is Circuit.HALF_OPEN
    assert scene.breaker.circuit is Circuit.CLOSED


@pytest.mark.parametrize(
    "error",
    [RowRefused("23514"), StoreConflict("40P01"), Fenced("overtaken"), StoreUnavailable("no partition", NO_ROOM),
     StoreUnavailable("all connections are in use", BUSY), KeyError("a bug")],
)  # fmt: skip
def test_errors_with_which_the_dependency_has_answered_are_no_failures(scene: Scene, error: Exception) -> None:
    for _ in range(10):
        scene.call(error)
    assert scene.breaker.circuit is Circuit.CLOSED
    scene.fail()
    scene.clock.now += PAUSE
    assert scene.call(error) == "failed"
    assert scene.breaker.circuit is Circuit.CLOSED


def test_a_missing_topic_is_an_answer_and_a_silent_broker_is_none() -> None:
    assert is_kafka_outage(TopicsUnavailable("timed out"))
    assert not is_kafka_outage(TopicsMissing("no such topic"))
    assert isinstance(KafkaCircuitOpen("refused", 1.0), TopicsUnavailable)


def test_an_outage_is_logged_once_however_many_calls_it_meets(scene: Scene) -> None:
    with capture_logs() as logs:
        scene.fail()
        for _ in range(5):
            scene.call()
            scene.clock.now += PAUSE
            scene.fail(1)
        scene.clock.now += PAUSE
        scene.call()
    assert [line["event"] for line in logs] == ["circuit_opened", "circuit_closed"]
