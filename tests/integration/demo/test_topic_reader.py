"""The demo's reader on a real broker."""

import asyncio
import secrets
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer

from taskmanager.application.commands import InboundMessage
from taskmanager.devstack import StackInfo
from taskmanager.devstack.topics import create_topics, delete_topics
from taskmanager.programs.demo.errors import DemoError
from taskmanager.programs.demo.topic_reader import TopicReader


@pytest.fixture
def topic(stack: StackInfo) -> Iterator[str]:
    name = f"demo-reader-{secrets.token_hex(4)}"
    create_topics(stack.kafka_brokers, {name: 2})
    yield name
    delete_topics(stack.kafka_brokers, [name])


@pytest.fixture
def producer(stack: StackInfo, topic: str) -> Producer:
    producer = Producer({"bootstrap.servers": stack.kafka_brokers, "transactional.id": topic})
    producer.init_transactions()
    return producer


async def read_until(reader: TopicReader, reached: Callable[[list[InboundMessage]], bool]) -> list[InboundMessage]:
    messages: list[InboundMessage] = []
    async with asyncio.timeout(30):
        while not reached(messages):
            messages += await reader.fetch()
    return messages


async def test_it_reaches_the_end_behind_the_marks_of_transactions(stack, topic, producer):
    for text in ("committed", "aborted", "again"):
        producer.begin_transaction()
        producer.produce(topic, text, "key", partition=0, headers=[("a", b"b"), ("n", None)])
        producer.flush()  # else what is aborted would never have been there
        producer.commit_transaction() if text != "aborted" else producer.abort_transaction()
    ends = {(topic, 0): 6, (topic, 1): 0}
    reader = TopicReader(stack.kafka_brokers, dict.fromkeys(ends, 0))
    assert not reader.reached(ends)

    messages = await read_until(reader, lambda _: reader.reached(ends))

    assert [(message.offset, message.value) for message in messages] == [(0, b"committed"), (4, b"again")]
    assert messages[0].key == b"key"
    assert messages[0].headers == [("a", b"b"), ("n", None)]
    assert not reader.reached({(topic, 0): 7})
    await reader.close()


async def test_what_is_not_committed_yet_is_not_handed_out(stack, topic, producer):
    reader = TopicReader(stack.kafka_brokers, {(topic, 0): 0, (topic, 1): 0})
    producer.begin_transaction()
    producer.produce(topic, "open", partition=1)
    producer.flush()
    other = Producer({"bootstrap.servers": stack.kafka_brokers})
    other.produce(topic, "plain", partition=0)
    other.flush()

    [plain] = await read_until(reader, len)
    assert plain.value == b"plain"
    producer.commit_transaction()
    [late] = await read_until(reader, len)

    assert (late.partition, late.value) == (1, b"open")
    await reader.close()


async def test_an_offset_that_is_not_there_is_an_error(stack, topic):
    reader = TopicReader(stack.kafka_brokers, {(topic, 0): 100})

    with pytest.raises(DemoError, match=rf"{topic}\[0\] cannot be read"):
        await read_until(reader, len)
    await reader.close()
