"""Consumers come and go under load."""

from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM
from time import monotonic

import pytest

from taskmanager.infrastructure.consumer_count import FILE_NAME, ConsumerCount

from .programs import Program
from .traffic import Stream
from .waiting import until
from .world import World

_Tell = Callable[[str], None]
_TOPICS = 2


def owned(consumer: Program) -> int:
    """How many partitions a consumer says it reads."""
    told = consumer.events("partitions_owned")
    return int(told[-1]["partitions"]) if told else -1


def await_shares(consumers: list[Program], shares: list[int], seconds: float = 30.0) -> float:
    """Returns when each consumer has its number of partitions; how long that took."""
    began = monotonic()
    until(
        lambda: [owned(consumer) for consumer in consumers] == shares,
        f"shares of {shares}, not {[owned(consumer) for consumer in consumers]}",
        seconds,
    )
    return monotonic() - began


def test_pinned_consumers_share_the_partitions_out_anew_while_they_work(
    world: World, tmp_path: Path, tell: _Tell
) -> None:
    count = ConsumerCount(tmp_path / FILE_NAME, 1)
    count.write(1)
    with Stream(world.sender, world.lives):
        consumers = [
            world.start("consumer", "--slot", str(slot), TASKMANAGER_RUN_DIR=str(tmp_path)) for slot in range(4)
        ]
        await_shares(consumers, [6 * _TOPICS, 0, 0, 0])
        world.await_read(3000)
        seconds = []
        for number, shares in ((4, [2, 2, 1, 1]), (2, [3, 3, 0, 0]), (3, [2, 2, 2, 0])):
            count.write(number)
            seconds.append(await_shares(consumers, [share * _TOPICS for share in shares]))
            world.await_read(world.read() + 3000)
        for spare in consumers[3:]:
            spare.send(SIGTERM)
            assert spare.wait(10) == 0

    world.await_settled()
    assert all(consumer.is_alive for consumer in consumers[:3])
    fences = sum(len(consumer.events("fenced")) for consumer in consumers)
    tell(f"1, 4, 2, 3 consumers: new shares after {', '.join(f'{s:.1f}' for s in seconds)} s; {fences} fenced batches")
    assert max(seconds) < 5
    world.verify_each_had_its_one_effect()


def group(world: World) -> Program:
    """Another member."""
    return world.start("consumer", CONSUMER_ASSIGNMENT="group", KAFKA_GROUP_ID=f"group-{world.requests}")


@pytest.mark.timeout(300)
def test_members_of_the_group_come_and_go_at_will(world: World, tell: _Tell) -> None:
    everything = 6 * _TOPICS
    with Stream(world.sender, world.lives):
        members = [group(world) for _ in range(3)]
        until(lambda: [owned(member) for member in members] == [everything // 3] * 3, "three equal shares", 60)
        world.await_read(world.read() + 3000)

        members[0].kill()
        began = monotonic()
        until(lambda: sum(map(owned, members[1:])) == everything, "the dead member's partitions taken over", 60)
        tell(f"partitions of a member that was killed: taken over after {monotonic() - began:.1f} s")
        world.await_read(world.read() + 3000)

        members[0] = group(world)
        until(lambda: [owned(member) for member in members] == [everything // 3] * 3, "three equal shares again", 60)
        world.await_read(world.read() + 3000)

        members[1].send(SIGTERM)
        assert members[1].wait(20) == 0
        left = [members[0], members[2]]
        began = monotonic()
        until(lambda: sum(map(owned, left)) == everything, "the partitions of the one that left taken over", 60)
        tell(f"partitions of a member that left: taken over after {monotonic() - began:.1f} s")
        assert monotonic() - began < 9, "it has left, and did not have to be missed"
        world.await_read(world.read() + 3000)

    world.await_settled()
    assert all(member.is_alive for member in left)
    world.verify_each_had_its_one_effect()
