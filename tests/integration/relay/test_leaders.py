"""One relay publishes, whatever becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from taskmanager.application.outbound import (
    Outbound,
    PublisherClosed,
    PublisherFenced,
    PublisherUnreachable,
    PublishFailed,
)
from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.kafka.producer import TransactionalProducer
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.relay import RelayApplication
from tests.integration.relay.conftest import Start, Until
from tests.integration.relay.history import append, created_tasks
from tests.integration.relay.topics import Topics
from tests.scratch import ScratchDatabase

Open = Callable[..., Any]
_CUT = """select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())"""


@pytest.fixture
async def producer(topics: Topics) -> AsyncIterator[Open]:
    """Opens producers of one transactional id."""
    opened: list[TransactionalProducer] = []
    name = uuid4().hex

    async def open_producer(brokers: str = topics.brokers) -> TransactionalProducer:
        opened.append(TransactionalProducer({"bootstrap.servers": brokers}, topics.events, name))
        await opened[-1].open()
        return opened[-1]

    yield open_producer
    for each in opened:
        await each.close()


def message(topics: Topics, text: str) -> Outbound:
    return Outbound(topics.events, "key", text.encode(), [("event_id", text)])


async def test_a_chunk_is_there_to_be_read_once_it_is_published(topics: Topics, producer: Open, until: Until) -> None:
    topics.make(topics.events)
    publisher = await producer()
    await publisher.publish([message(topics, str(number)) for number in range(100)])

    await until(lambda: topics.event_ids() == [str(number) for number in range(100)])


async def test_a_younger_producer_fences_off_the_older_one(topics: Topics, producer: Open, until: Until) -> None:
    topics.make(topics.events)
    older = await producer()
    await older.publish([message(topics, "a")])
    younger = await producer()

    with pytest.raises(PublisherFenced):
        await older.publish([message(topics, "b")])
    await younger.publish([message(topics, "c")])
    with pytest.raises(PublishFailed):
        await older.publish([message(topics, "d")])
    await until(lambda: len(topics.event_ids()) == 2)
    assert topics.event_ids() == ["a", "c"]


async def test_a_fenced_producer_can_be_opened_again(topics: Topics, producer: Open, until: Until) -> None:
    topics.make(topics.events)
    older = await producer()
    await producer()
    await older.close()
    await older.open()
    await older.publish([message(topics, "a")])

    await until(lambda: topics.event_ids() == ["a"])


async def test_closing_ends_the_wait_for_brokers_that_are_not_there(topics: Topics, unused_tcp_port: int) -> None:
    beats: list[None] = []
    away = TransactionalProducer(
        {"bootstrap.servers": f"127.0.0.1:{unused_tcp_port}"}, topics.events, "x", beat=lambda: beats.append(None)
    )
    opening = asyncio.create_task(away.open())
    async with asyncio.timeout(20):
        while len(beats) < 2:  # noqa: ASYNC110 - told from another thread
            await asyncio.sleep(0.01)
        await away.close()
        with pytest.raises(PublisherClosed):
            await opening


async def test_closing_ends_the_wait_for_a_topic_that_takes_nothing(topics: Topics, producer: Open) -> None:
    topics.make(topics.events)
    publisher = await producer()
    publishing = asyncio.create_task(publisher.publish([message(topics, "a")._replace(topic=topics.status)]))
    done, _ = await asyncio.wait([publishing], timeout=0.5)
    assert not done
    async with asyncio.timeout(5):
        await publisher.close()
        with pytest.raises(PublisherClosed):
            await publishing


async def test_a_chunk_that_gets_nowhere_is_given_up_so_that_another_one_may_try(topics: Topics) -> None:
    topics.make(topics.events)
    publisher = TransactionalProducer({"bootstrap.servers": topics.brokers}, topics.events, uuid4().hex, patience=2.0)
    await publisher.open()
    async with asyncio.timeout(10):
        with pytest.raises(PublisherUnreachable):
            await publisher.publish([message(topics, "a")._replace(topic=topics.status)])
        await publisher.close()


async def test_brokers_are_reached_without_fencing_anybody(
    topics: Topics, producer: Open, until: Until, unused_tcp_port: int
) -> None:
    topics.make(topics.events)
    leader = await producer()
    other = TransactionalProducer({"bootstrap.servers": topics.brokers}, topics.events, leader._transactional_id)
    await other.reach()
    await leader.publish([message(topics, "a")])
    await until(lambda: topics.event_ids() == ["a"])

    away = TransactionalProducer({"bootstrap.servers": f"127.0.0.1:{unused_tcp_port}"}, topics.events, "x")
    async with asyncio.timeout(10):
        with pytest.raises(PublisherUnreachable):
            await away.reach()


async def test_what_was_closed_publishes_nothing(topics: Topics, producer: Open) -> None:
    topics.make(topics.events)
    publisher = await producer()
    await publisher.close()
    await publisher.close()

    with pytest.raises(PublisherClosed):
        await publisher.publish([message(topics, "a")])


async def test_a_second_relay_takes_over_where_the_first_one_ended(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    topics.make(topics.events, partitions=1)
    append(database, created_tasks(50))
    first = await start()
    await until(lambda: len(topics.event_ids()) == 50)
    await start()
    await first.stop()
    append(database, created_tasks(50, 51))
    await until(lambda: len(topics.event_ids()) >= 100)

    assert topics.event_ids() == [f"{event.task_id}:1" for event in created_tasks(100)]
    assert database.value("select epoch from event_readers where name = 'relay'") == 2


async def test_a_relay_without_kafka_does_not_stand_in_the_way_of_one_with_it(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until, unused_tcp_port: int
) -> None:
    topics.make(topics.events)
    append(database, created_tasks(3))
    cut_off = await start(KAFKA_BROKERS=f"127.0.0.1:{unused_tcp_port}")
    async with asyncio.timeout(20):
        while await cut_off.health() == {"relay": "ok"}:  # noqa: ASYNC110 - asked, not told
            await asyncio.sleep(0.01)
    await start()
    await until(lambda: len(topics.event_ids()) == 3)

    assert database.value("select epoch from event_readers where name = 'relay'") == 1


async def test_a_leader_whose_connection_is_cut_loses_nothing(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    topics.make(topics.events, partitions=1)
    await start()
    count = 0
    for _ in range(3):
        append(database, created_tasks(100, count + 1))
        count += 100
        await until(lambda: database.run("select 1 from event_readers where name = 'relay'"))
        epoch = database.value("select epoch from event_readers where name = 'relay'")
        database.run(_CUT, role="superuser")
        await until(lambda now=epoch: database.value("select max(epoch) from event_readers") > now)
    await until(lambda: len(set(topics.event_ids())) == count)

    seen = list(dict.fromkeys(topics.event_ids()))
    assert seen == [f"{event.task_id}:1" for event in created_tasks(count)]


async def test_the_position_never_goes_back(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    topics.make(topics.events)
    await start()
    positions = [0]
    for number in range(5):
        append(database, created_tasks(20, number * 20 + 1))
        await until(lambda count=(number + 1) * 20: len(topics.read(topics.events)) == count)
        positions.append(database.value("select position from event_readers where name = 'relay'"))

    assert all(before <= after for before, after in pairwise(positions))


async def test_a_relay_can_be_stopped_before_its_start_and_twice(database: ScratchDatabase, topics: Topics) -> None:
    settings = load_settings({**database.environment, **topics.environment})
    relay = RelayApplication(ApplicationFactory(settings, "relay"))
    await relay.stop()
    await relay.stop()
    await relay.wait()


async def test_a_stop_does_not_wait_for_brokers_that_are_not_there(
    database: ScratchDatabase, topics: Topics, unused_tcp_port: int
) -> None:
    environment = {**database.environment, **topics.environment, "KAFKA_BROKERS": f"127.0.0.1:{unused_tcp_port}"}
    relay = RelayApplication(ApplicationFactory(load_settings(environment), "relay"))
    await relay.start()
    async with asyncio.timeout(30):
        while await relay.health() == {"relay": "ok"}:  # noqa: ASYNC110 - asked, not told
            await asyncio.sleep(0.01)
    assert database.run("select 1 from event_readers where name = 'relay'") == []  # nobody has led
    async with asyncio.timeout(5):
        await relay.stop()
        await relay.wait()
