"""Members of Kafka's consumer group, on a real broker."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from taskmanager.application.commands import Partition
from taskmanager.devstack import StackInfo
from taskmanager.devstack.topics import create_topics, delete_topics
from taskmanager.infrastructure.kafka.group_consumer import GroupConsumer

_PARTITIONS = 4
_MESSAGES = 100


class Member:
    """A member that goes by stored offsets, as the consumer's loop does."""

    def __init__(self, consumer: GroupConsumer, stored: dict[Partition, int]) -> None:
        self.consumer = consumer
        self.stored = stored
        self.owned: list[Partition] = []
        self.read: list[tuple[Partition, int]] = []

    async def turn(self) -> None:
        """A fetch, whose messages count at once."""
        if self.consumer.has_changed():
            self.owned = self.consumer.owned({})
            await self.consumer.assign({partition: self.stored[partition] for partition in self.owned})
        for fetched in (await self.consumer.fetch()).messages:
            message = self.consumer.read(fetched)
            partition = Partition(message.topic, message.partition)
            self.read.append((partition, message.offset))
            assert partition in self.owned, "nothing is handed out before its offset was set"
            assert message.offset == self.stored[partition], "it begins at the stored offset, and leaves nothing out"
            self.stored[partition] = message.offset + 1


Join = Callable[..., Member]


@pytest.fixture
def topic(stack: StackInfo) -> Iterator[str]:
    """A topic with messages in all partitions."""
    name = f"group-{uuid4().hex[:8]}"
    create_topics(stack.kafka_brokers, {name: _PARTITIONS})
    producer = Producer({"bootstrap.servers": stack.kafka_brokers, "linger.ms": 5})
    for number in range(_PARTITIONS * _MESSAGES):
        producer.produce(name, b"x", partition=number % _PARTITIONS)
    assert producer.flush(30) == 0
    yield name
    delete_topics(stack.kafka_brokers, [name])


@pytest.fixture
async def join(stack: StackInfo, topic: str) -> AsyncIterator[Join]:
    """Makes members of the topic's group, all with the same stored offsets."""
    joined: list[Member] = []
    stored = {Partition(topic, number): 10 * number for number in range(_PARTITIONS)}

    def make(batch_size: int = 7, **properties: object) -> Member:
        base = {"bootstrap.servers": stack.kafka_brokers, "group.id": topic, "session.timeout.ms": 6000}
        joined.append(
            Member(GroupConsumer({**base, **properties}, [topic], batch_size=batch_size, batch_bytes=1 << 20), stored)
        )
        return joined[-1]

    yield make
    for member in joined:
        await member.consumer.close()


async def begin(member: Member) -> None:
    """Joins, as the loop does: with nothing to read yet."""
    assert member.consumer.owned({}) == []
    await member.consumer.assign({})


async def until(members: list[Member], condition: Callable[[], bool]) -> None:
    """Lets the members take turns until the condition holds."""
    while not condition():
        for member in members:
            await member.turn()


def is_read(stored: Mapping[Partition, int], until: int = _MESSAGES) -> bool:
    """Whether everything was read."""
    return set(stored.values()) == {until}


async def test_a_member_begins_at_the_stored_offsets_and_not_at_those_of_the_group(
    stack: StackInfo, topic: str, join: Join
) -> None:
    tool = Consumer({"bootstrap.servers": stack.kafka_brokers, "group.id": topic})
    tool.commit(offsets=[TopicPartition(topic, number, 50) for number in range(_PARTITIONS)], asynchronous=False)
    tool.close()
    member = join()
    before = dict(member.stored)
    await begin(member)
    await until([member], lambda: is_read(member.stored))

    assert len(member.read) == sum(_MESSAGES - offset for offset in before.values())


async def test_members_share_the_partitions_and_one_takes_over_where_another_left(topic: str, join: Join) -> None:
    one, other = join(), join()
    await begin(one)
    await until([one], lambda: len(one.owned) == _PARTITIONS)
    await begin(other)
    await until([one, other], lambda: len(one.owned) == len(other.owned) == _PARTITIONS // 2)
    assert set(one.owned) | set(other.owned) == set(one.stored)
    await one.consumer.close()
    await until([other], lambda: len(other.owned) == _PARTITIONS and is_read(other.stored))

    read = one.read + other.read
    assert len(read) == len(set(read))


async def test_a_member_that_is_put_out_for_its_silence_joins_again(topic: str, join: Join) -> None:
    silent, other = join(batch_size=1, **{"max.poll.interval.ms": 6000}), join()
    await begin(silent)
    await until([silent], lambda: bool(silent.read))
    await begin(other)
    # Only the other one takes turns, until it has everything.
    await until([other], lambda: len(other.owned) == _PARTITIONS and is_read(other.stored))
    silent.stored = dict(other.stored)
    await until([silent, other], lambda: len(silent.owned) == len(other.owned) == _PARTITIONS // 2)


async def test_assigning_again_reads_again_from_there(join: Join) -> None:
    member = join()
    await begin(member)
    await until([member], lambda: is_read(member.stored))
    member.read.clear()
    for partition in member.stored:
        member.stored[partition] = 90
    await member.consumer.assign(member.stored)
    await until([member], lambda: is_read(member.stored))

    assert len(member.read) == 10 * _PARTITIONS


async def test_what_is_not_assigned_is_not_read(topic: str, join: Join) -> None:
    member = join()
    await begin(member)
    await until([member], member.consumer.has_changed)
    left_out = Partition(topic, 2)
    member.owned = [partition for partition in member.consumer.owned({}) if partition != left_out]
    await member.consumer.assign({partition: member.stored[partition] for partition in member.owned})
    await until([member], lambda: all(at == _MESSAGES for p, at in member.stored.items() if p != left_out))

    assert member.stored[left_out] == 20
