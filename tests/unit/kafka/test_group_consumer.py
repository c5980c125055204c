"""A member of the group whose partitions change in the middle of a fetch; the driver is played."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from taskmanager.application.commands import Partition
from taskmanager.infrastructure.kafka import fetching
from taskmanager.infrastructure.kafka.group_consumer import GroupConsumer

_A, _B = Partition("t", 0), Partition("t", 1)


class Fetchable:
    """A message of the driver, or with `code` an error or the end of a partition."""

    def __init__(self, partition: Partition, offset: int, code: int | None = None) -> None:
        self._partition = partition
        self._offset = offset
        self._code = code

    def __len__(self) -> int:
        return 10

    def topic(self) -> str:
        return self._partition.topic

    def partition(self) -> int:
        return self._partition.partition

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return None

    def headers(self) -> None:
        return None

    def error(self) -> KafkaError | None:
        return None if self._code is None else KafkaError(self._code)


def end(partition: Partition, offset: int) -> Fetchable:
    """The end of a partition."""
    return Fetchable(partition, offset, KafkaError._PARTITION_EOF)


class PlayedDriver:
    """What the tests need of confluent_kafka's Consumer; each `consume` plays the next step of the script."""

    def __init__(self, _properties: object) -> None:
        self.script: list[Sequence[Fetchable] | Callable[[], None]] = []
        self.reading: dict[Partition, int] = {}
        self.callbacks: dict[str, Callable[..., None]] = {}

    def subscribe(self, _topics: Sequence[str], **callbacks: Callable[..., None]) -> None:
        self.callbacks = callbacks

    def consume(self, _count: int, _wait: float) -> Sequence[Fetchable]:
        step = self.script.pop(0) if self.script else []
        if callable(step):
            step()
            return self.consume(_count, _wait)
        return step

    def incremental_assign(self, positions: Sequence[TopicPartition]) -> None:
        for position in positions:
            partition = Partition(position.topic, position.partition)
            assert partition not in self.reading
            self.reading[partition] = position.offset

    def incremental_unassign(self, positions: Sequence[TopicPartition]) -> None:
        for position in positions:
            del self.reading[Partition(position.topic, position.partition)]

    def close(self) -> None:
        pass

    def rebalance(self, kind: str, *partitions: Partition) -> Callable[[], None]:
        """A step in which the group calls back."""
        return lambda: self.callbacks[kind](self, [TopicPartition(*partition) for partition in partitions])


@pytest.fixture
async def member(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GroupConsumer]:
    monkeypatch.setattr(fetching, "Consumer", PlayedDriver)
    member = GroupConsumer({}, ["t"], batch_size=100, batch_bytes=1000)
    await member.assign({})
    yield member
    await member.close()


@pytest.fixture
def driver(member: GroupConsumer) -> PlayedDriver:
    driver: Any = member._consumer
    assert isinstance(driver, PlayedDriver)
    return driver


async def both_assigned(member: GroupConsumer, driver: PlayedDriver) -> None:
    """The group hands out two partitions, which are read from 5 and 7 on."""
    driver.script = [driver.rebalance("on_assign", _A, _B)]
    await member.fetch()
    assert member.has_changed()
    assert driver.reading == {}, "nothing is read before its offset is known"
    assert member.owned({}) == [_A, _B]
    assert not member.has_changed()
    await member.assign({_A: 5, _B: 7})
    assert driver.reading == {_A: 5, _B: 7}


async def test_what_was_fetched_of_a_partition_that_is_taken_away_is_dropped(
    member: GroupConsumer, driver: PlayedDriver
) -> None:
    await both_assigned(member, driver)
    driver.script = [
        [Fetchable(_A, 5), Fetchable(_B, 7), end(_A, 6), end(_B, 8)],
        driver.rebalance("on_revoke", _A),
        [Fetchable(_B, 8)],
    ]
    fetched = await member.fetch()

    assert [(message.partition(), message.offset()) for message in fetched.messages] == [(1, 7), (1, 8)]
    assert fetched.reached == {_B: 8}
    assert driver.reading == {_B: 7}
    assert member.has_changed()
    assert member.owned({}) == [_B]


async def test_a_partition_that_is_taken_away_before_it_was_read_is_no_trouble(
    member: GroupConsumer, driver: PlayedDriver
) -> None:
    driver.script = [driver.rebalance("on_assign", _A, _B), driver.rebalance("on_revoke", _A)]
    await member.fetch()

    assert member.owned({}) == [_B]
    await member.assign({_A: 1, _B: 7})
    assert driver.reading == {_B: 7}, "what belongs to somebody else by now is not read"


async def test_a_rebalance_that_changes_nothing_is_no_change(member: GroupConsumer, driver: PlayedDriver) -> None:
    await both_assigned(member, driver)
    driver.script = [driver.rebalance("on_assign"), [Fetchable(_A, 5)]]
    fetched = await member.fetch()

    assert len(fetched.messages) == 1
    assert not member.has_changed()


async def test_being_put_out_of_the_group_takes_everything_away(member: GroupConsumer, driver: PlayedDriver) -> None:
    await both_assigned(member, driver)
    driver.script = [[Fetchable(_A, 5)], driver.rebalance("on_lost", _A, _B)]
    fetched = await member.fetch()

    assert (fetched.messages, driver.reading, member.owned({})) == ([], {}, [])


async def test_a_partition_that_is_lost_is_told_and_the_messages_before_it_are_kept(
    member: GroupConsumer, driver: PlayedDriver
) -> None:
    await both_assigned(member, driver)
    driver.script = [[Fetchable(_A, 5), Fetchable(_B, 7, KafkaError._AUTO_OFFSET_RESET)]]
    fetched = await member.fetch()

    assert (len(fetched.messages), fetched.lost) == (1, {_B})
    assert (await member.fetch()).lost == set()
