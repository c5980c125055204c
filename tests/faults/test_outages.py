"""PostgreSQL and Kafka go away under load and come back."""

import os
import socket
from collections.abc import Callable
from signal import SIGCONT, SIGINT, SIGKILL, SIGTERM
from time import monotonic
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from .programs import Program
from .servers import PrivateStack
from .traffic import Stream
from .waiting import until
from .world import World

OUTAGE_SECONDS = float(os.environ.get("FAULT_OUTAGE_SECONDS", "4"))
LOAD = 3000


class Health:
    """The answers of `/api/health`."""

    def __init__(self, world: World) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}/api/health"
        self.api = world.start("api", APP_PORT=str(port), HEALTH_CHECK_CACHE_MS="100")

    def answers(self, status: int) -> bool:
        """Whether the answer has this status now; False as well while nobody answers."""
        try:
            with urlopen(self._url, timeout=10) as response:  # noqa: S310 - our own address
                return bool(response.status == status)
        except HTTPError as error:
            with error:
                return error.code == status
        except URLError:
            return False


@pytest.mark.timeout(400)
def test_postgresql_stops_under_load_and_nothing_is_lost_or_doubled(
    breakable_world: World, private_stack: PrivateStack, tell: Callable[[str], None]
) -> None:
    world = breakable_world
    health = Health(world)
    consumer = world.start("consumer")
    until(lambda: health.answers(200), "health is green")
    with Stream(world.sender, world.lives):
        world.await_read(LOAD)
        private_stack.stop("PostgreSQL", SIGINT)
        began = monotonic()
        until(lambda: health.answers(503), "health is red")
        until(lambda: met_outage(consumer), "the consumer met the outage")
        sent = world.sender.stored
        until(lambda: not stays_down(world, health, began), "the outage to last its time", OUTAGE_SECONDS + 30)
        assert world.sender.stored > sent, "nothing came in during the outage"
        private_stack.up()
        ended = monotonic()
        read = world.read()
        until(lambda: world.read() > read, "the consumer goes on")
        recovery = monotonic() - ended
        until(lambda: health.answers(200), "health is green again")

    world.await_settled()
    assert consumer.is_alive
    assert health.api.is_alive
    world.verify_each_had_its_one_effect()
    tell(f"PostgreSQL away for {ended - began:.1f} s; first commit {recovery:.2f} s after its return")


def met_outage(consumer: Program) -> bool:
    """Whether its log tells that the database is away, before or within a COMMIT."""
    return bool(consumer.events("unavailable_trying_again") or consumer.events("commit_outcome_unknown"))


@pytest.mark.timeout(400)
def test_sigterm_while_postgresql_is_away_ends_in_time_and_nothing_is_lost_or_doubled(
    breakable_world: World, private_stack: PrivateStack
) -> None:
    world = breakable_world
    consumer = world.start("consumer", GRACEFUL_SHUTDOWN_TIMEOUT="15")
    with Stream(world.sender, world.lives):
        world.await_read(LOAD)
        consumer.freeze_in_mid_batch(world.database)
        private_stack.stop("PostgreSQL", SIGINT)
        consumer.send(SIGCONT)
        until(lambda: consumer.events("commit_outcome_unknown"), "a transaction without an answer")
        consumer.send(SIGTERM)
        assert consumer.wait(15) == 0
        private_stack.up()

    world.start("consumer")
    world.await_settled()
    world.verify_each_had_its_one_effect()


def stays_down(world: World, health: Health, began: float) -> bool:
    """Whether the outage is to last longer; meanwhile health is never green."""
    assert not health.answers(200)
    return monotonic() - began < OUTAGE_SECONDS


@pytest.mark.timeout(400)
def test_the_broker_is_killed_under_load_and_nothing_is_lost_or_doubled(
    breakable_world: World, private_stack: PrivateStack, tell: Callable[[str], None]
) -> None:
    world = breakable_world
    health = Health(world)
    consumer = world.start("consumer")
    until(lambda: health.answers(200), "health is green")
    with Stream(world.sender, world.lives):
        world.await_read(LOAD)
        private_stack.stop("Kafka", SIGKILL)
        until(lambda: health.answers(503), "health is red")
        until(lambda: consumer.events("kafka_client_error"), "the consumer met the outage")
        stored = world.sender.stored
        private_stack.up()
        ended = monotonic()
        until(lambda: world.read() > stored, "the consumer goes on behind what was stored before")
        recovery = monotonic() - ended
        until(lambda: health.answers(200), "health is green again")

    world.await_settled()
    assert consumer.is_alive
    assert health.api.is_alive
    world.verify_each_had_its_one_effect()
    tell(f"broker killed; first commit {recovery:.2f} s after its return")
