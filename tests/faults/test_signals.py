"""How a consumer under load ends."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from .programs import Program
from .waiting import until
from .world import World

GRACE = {"GRACEFUL_SHUTDOWN_TIMEOUT": "8"}
MESSAGES = 40_000


def test_sigterm_under_load_finishes_the_batch_in_hand(world: World) -> None:
    world.send(world.lives.first(MESSAGES))
    consumer = world.start("consumer", **GRACE)
    world.await_read(4000)
    began = monotonic()
    consumer.send(signal.SIGTERM)
    assert consumer.wait(8) == 0
    assert monotonic() - began < 8
    assert world.read() < MESSAGES, "there was nothing left to do when it was asked to end"

    world.start("consumer")
    world.await_settled()
    world.verify_each_had_its_one_effect()


@contextmanager
def stuck(world: World, consumer: Program) -> Iterator[None]:
    """The consumer's batch cannot go on, because somebody else holds the offsets; proved from the server's side."""
    with world.database.connected(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("select from consumer_offsets for update")
        pid = connection.get_backend_pid()
        blocked = "select count(*) from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
        until(lambda: world.database.run(blocked, (pid,), role="superuser") == [(1,)], "a batch that is stuck")
        assert consumer.is_alive
        yield


def test_a_second_signal_ends_at_once_and_what_was_in_hand_is_done_again(world: World) -> None:
    world.send(world.lives.first(MESSAGES))
    consumer = world.start("consumer", **GRACE)
    world.await_read(4000)
    with stuck(world, consumer):
        consumer.send(signal.SIGTERM)
        until(lambda: consumer.events("stopping"), "the drain has begun")
        assert consumer.is_alive
        began = monotonic()
        consumer.send(signal.SIGTERM)
        assert consumer.wait(8) == 128 + signal.SIGTERM
        assert monotonic() - began < 2

    world.start("consumer")
    world.await_settled()
    world.verify_each_had_its_one_effect()


def test_a_drain_that_takes_too_long_is_given_up(world: World) -> None:
    world.send(world.lives.first(MESSAGES))
    consumer = world.start("consumer", GRACEFUL_SHUTDOWN_TIMEOUT="1")
    world.await_read(4000)
    with stuck(world, consumer):
        consumer.send(signal.SIGTERM)
        assert consumer.wait(4) == 124

    world.start("consumer")
    world.await_settled()
    world.verify_each_had_its_one_effect()
