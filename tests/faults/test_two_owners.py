"""Two consumers believe that they own the same partitions."""

from signal import SIGCONT

from .programs import Program
from .traffic import Stream
from .waiting import until
from .world import World

FENCED = "fenced"


def times_fenced(*consumers: Program) -> int:
    return sum(len(consumer.events(FENCED)) for consumer in consumers)


def test_a_second_consumer_of_the_same_partitions_does_no_harm(world: World) -> None:
    with Stream(world.sender, world.lives):
        first = world.start("consumer")
        world.await_read(5000)
        second = world.start("consumer")
        until(lambda: second.events("partitions_owned"), "the second has taken up the same partitions")
        until(lambda: times_fenced(first, second) >= 2, "each stood in the other's way")
        world.await_read(world.read() + 5000)

    world.await_settled()
    assert first.is_alive
    assert second.is_alive
    world.verify_each_had_its_one_effect()


def test_a_frozen_consumer_that_was_replaced_and_wakes_up_does_no_harm(world: World) -> None:
    # The server ends the transaction of a client that is silent for so long; until then nobody else can go on.
    limit = {"POSTGRES_QUERY_TIMEOUT": "2"}
    with Stream(world.sender, world.lives):
        frozen = world.start("consumer", **limit)
        world.await_read(5000)
        frozen.freeze_in_mid_batch(world.database)
        before = world.read()
        replacement = world.start("consumer", **limit)
        world.await_read(before + 5000)
        assert times_fenced(frozen) == 0
        frozen.send(SIGCONT)
        until(lambda: times_fenced(frozen) > 0, "the one that woke up saw that it was replaced")
        world.await_read(world.read() + 5000)

    world.await_settled()
    assert frozen.is_alive
    assert replacement.is_alive
    world.verify_each_had_its_one_effect()
