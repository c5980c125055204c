"""The relay's publisher behind a breaker: what shows that it works, and what does not."""

import pytest

from taskmanager.application.outbound import Outbound, PublishFailed
from taskmanager.infrastructure.resilience.circuit_breaker import Circuit, CircuitBreaker
from taskmanager.infrastructure.resilience.protected_leaders import ProtectedPublisher
from taskmanager.infrastructure.resilience.refusals import KafkaCircuitOpen, is_kafka_outage
from tests.fakes.relay import Broker, InMemoryPublisher
from tests.fakes.seconds import Seconds

FAILURES = 3
PAUSE = 2.0


class Scene:
    """A publisher, its breaker, and a clock for both."""

    def __init__(self) -> None:
        self.inner = InMemoryPublisher(Broker())
        self.clock = Seconds()
        self.breaker = CircuitBreaker(
            "kafka",
            failures=FAILURES,
            pause=PAUSE,
            is_outage=is_kafka_outage,
            refusal=KafkaCircuitOpen,
            clock=self.clock,
            chance=lambda: 0.5,
        )
        self.publisher = ProtectedPublisher(self.inner, self.breaker)

    async def term(self, *failures: Exception) -> None:
        """Reaches, opens and publishes, as a leader does."""
        self.inner.failures = list(failures)
        await self.publisher.reach()
        await self.publisher.open()
        await self.publisher.publish([Outbound("events", "key", b"", [])])

    async def fail(self, terms: int = FAILURES) -> None:
        """So many terms that come to nothing."""
        for _ in range(terms):
            with pytest.raises(PublishFailed, match="not authorised"):
                await self.term(PublishFailed("not authorised"))


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_that_it_can_be_opened_does_not_hide_that_nothing_can_be_published(scene: Scene) -> None:
    await scene.fail()

    assert scene.breaker.circuit is Circuit.OPEN
    with pytest.raises(KafkaCircuitOpen):
        await scene.publisher.reach()


async def test_after_the_pause_publishing_is_the_probe(scene: Scene) -> None:
    await scene.fail()
    scene.clock.now += PAUSE
    await scene.fail(1)
    assert scene.breaker.circuit is Circuit.OPEN
    scene.clock.now += PAUSE
    await scene.publisher.reach()
    await scene.publisher.open()
    assert scene.breaker.circuit is Circuit.HALF_OPEN
    await scene.publisher.publish([])

    assert scene.breaker.circuit is Circuit.CLOSED


async def test_failures_that_are_not_in_a_row_do_not_add_up(scene: Scene) -> None:
    for _ in range(FAILURES):
        await scene.fail(FAILURES - 1)
        await scene.term()

    assert scene.breaker.circuit is Circuit.CLOSED


async def test_a_broker_that_is_asked_in_vain_is_asked_again_at_the_askers_pace(scene: Scene) -> None:
    scene.inner.away = PublishFailed("no route")
    for _ in range(2 * FAILURES):
        with pytest.raises(PublishFailed, match="no route"):
            await scene.publisher.reach()

    assert scene.breaker.circuit is Circuit.CLOSED
