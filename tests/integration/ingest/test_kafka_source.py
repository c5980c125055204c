"""What the driver does on a real broker."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from taskmanager.application.commands import UNREADABLE_HEADERS, InboundMessage, Partition
from taskmanager.devstack import StackInfo
from taskmanager.devstack.topics import create_topics, delete_topics
from taskmanager.infrastructure.kafka.consumer import PinnedConsumer
from taskmanager.infrastructure.kafka.probe import KafkaProbe
from taskmanager.infrastructure.kafka.topics import TopicCatalogue, TopicsUnavailable
from tests.integration.ingest.raw_producer import send_with_header

_Open = Callable[..., PinnedConsumer]


@pytest.fixture
def topic(stack: StackInfo) -> Iterator[str]:
    """A topic of two partitions."""
    name = f"source-{uuid4().hex[:8]}"
    create_topics(stack.kafka_brokers, {name: 2})
    yield name
    delete_topics(stack.kafka_brokers, [name])


@pytest.fixture
def send(stack: StackInfo, topic: str) -> Callable[..., None]:
    """Sends values to a partition of the topic."""
    producer = Producer({"bootstrap.servers": stack.kafka_brokers, "linger.ms": 0})

    def send_all(*values: bytes | None, partition: int = 0, **rest: Any) -> None:
        for value in values:
            producer.produce(topic, value, partition=partition, **rest)
        assert producer.flush(10) == 0

    return send_all


@pytest.fixture
async def source(stack: StackInfo) -> AsyncIterator[_Open]:
    """Opens consumers."""
    opened: list[PinnedConsumer] = []

    def open_source(batch_size: int = 1000, batch_bytes: int = 1 << 20) -> PinnedConsumer:
        properties = {"bootstrap.servers": stack.kafka_brokers, "group.id": f"source-{uuid4().hex[:8]}"}
        opened.append(PinnedConsumer(properties, batch_size=batch_size, batch_bytes=batch_bytes))
        return opened[-1]

    yield open_source
    for each in opened:
        await each.close()


async def fetched(source: PinnedConsumer, count: int) -> list[list[InboundMessage]]:
    """The fetches that bring so many messages."""
    fetches: list[list[InboundMessage]] = []
    while sum(map(len, fetches)) < count:
        if messages := (await source.fetch()).messages:
            fetches.append([source.read(message) for message in messages])
    return fetches


async def reached(source: PinnedConsumer, count: int) -> dict[Partition, int]:
    """The ends of so many partitions."""
    ends: dict[Partition, int] = {}
    while len(ends) < count:
        ends |= (await source.fetch()).reached
    return ends


async def test_a_message_comes_with_everything_that_it_has(
    topic: str, send: Callable[..., None], source: _Open
) -> None:
    send(b"value", key=b"\0", headers=[("a", b"\xff"), ("a", None), ("b", b"")], timestamp=1_772_366_400_123)
    send(None, partition=1)
    consumer = source()
    await consumer.assign({Partition(topic, 0): 0, Partition(topic, 1): 0})
    (first, second) = sorted([message for batch in await fetched(consumer, 2) for message in batch])

    assert first == InboundMessage(
        topic, 0, 0, 1_772_366_400_123, b"\0", [("a", b"\xff"), ("a", None), ("b", b"")], b"value"
    )
    assert (second.key, second.headers, second.value) == (None, None, None)


async def test_a_header_whose_name_is_not_utf8_holds_up_nobody(
    stack: StackInfo, topic: str, send: Callable[..., None], source: _Open
) -> None:
    # Many before it: the interpreter calls otherwise once it has seen a call a few times.
    send(*[b"before"] * 100)
    send_with_header(stack.kafka_brokers, topic, b"bad\xff", b"poison")
    send(b"after")
    consumer = source()
    await consumer.assign({Partition(topic, 0): 0})
    messages = [message for batch in await fetched(consumer, 102) for message in batch]

    assert [message.value for message in messages] == [*[b"before"] * 100, b"poison", b"after"]
    assert [message.headers is UNREADABLE_HEADERS for message in messages] == [*[False] * 100, True, False]


async def test_fetches_are_bounded_by_count_and_lose_nothing(
    topic: str, send: Callable[..., None], source: _Open
) -> None:
    send(*(str(number).encode() for number in range(250)))
    consumer = source(batch_size=40)
    await consumer.assign({Partition(topic, 0): 0})
    batches = await fetched(consumer, 250)

    assert max(map(len, batches)) <= 40
    assert [message.offset for batch in batches for message in batch] == list(range(250))


async def test_fetches_are_bounded_by_bytes_but_for_a_single_larger_message(
    topic: str, send: Callable[..., None], source: _Open
) -> None:
    sizes = [300, 300, 300, 300, 5000, 300, 900, 200, 10] * 5
    send(*(b"x" * size for size in sizes))
    consumer = source(batch_bytes=1000)
    await consumer.assign({Partition(topic, 0): 0})
    batches = await fetched(consumer, len(sizes))

    assert [message.offset for batch in batches for message in batch] == list(range(len(sizes)))
    for batch in batches:
        assert len(batch) == 1 or sum(len(message.value or b"") for message in batch) <= 1000


async def test_keys_and_headers_count_where_they_are_large(topic: str, stack: StackInfo, source: _Open) -> None:
    producer = Producer({"bootstrap.servers": stack.kafka_brokers, "compression.type": "lz4"})
    for _ in range(200):
        producer.produce(topic, b"x", partition=0, headers=[("large", b"h" * 10_000)])
    assert producer.flush(10) == 0
    consumer = source(batch_bytes=100_000)
    await consumer.assign({Partition(topic, 0): 0})
    batches = await fetched(consumer, 200)

    assert [message.offset for batch in batches for message in batch] == list(range(200))
    assert max(map(len, batches)) <= 10


async def test_assigning_again_throws_away_what_was_fetched_before(
    topic: str, send: Callable[..., None], source: _Open
) -> None:
    send(*(b"x" * 600 for _ in range(20)))
    consumer = source(batch_bytes=1000)
    await consumer.assign({Partition(topic, 0): 0})
    assert [message.offset for message in (await fetched(consumer, 1))[0]] == [0]
    await consumer.assign({Partition(topic, 0): 15})
    batches = await fetched(consumer, 5)

    assert [message.offset for batch in batches for message in batch] == [15, 16, 17, 18, 19]


async def test_nothing_to_fetch_is_an_empty_fetch(topic: str, source: _Open) -> None:
    consumer = source()
    await consumer.assign({Partition(topic, 0): 0})

    assert (await consumer.fetch()).messages == []


async def test_the_end_of_a_partition_is_told_once_and_again_when_it_moves(
    topic: str, send: Callable[..., None], source: _Open
) -> None:
    send(b"x", b"y", partition=1)
    consumer = source()
    await consumer.assign({Partition(topic, 0): 0, Partition(topic, 1): 0})
    assert await reached(consumer, 2) == {Partition(topic, 0): 0, Partition(topic, 1): 2}
    send(b"z", partition=1)
    assert await reached(consumer, 1) == {Partition(topic, 1): 3}


@pytest.mark.parametrize("end", ["commit", "abort"])
async def test_the_end_lies_behind_the_markers_of_transactions(
    stack: StackInfo, topic: str, source: _Open, end: str
) -> None:
    producer = Producer({"bootstrap.servers": stack.kafka_brokers, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"x", partition=0)
    assert producer.flush(10) == 0
    producer.commit_transaction(30) if end == "commit" else producer.abort_transaction(30)
    consumer = source()
    await consumer.assign({Partition(topic, 0): 0})

    assert await reached(consumer, 1) == {Partition(topic, 0): 2}


async def test_an_end_waits_until_the_messages_before_it_are_handed_out(
    topic: str, send: Callable[..., None], source: _Open
) -> None:
    send(*(b"x" * 600 for _ in range(7)))
    consumer = source(batch_bytes=1000)
    await consumer.assign({Partition(topic, 0): 0})
    handed_out = 0
    while True:
        fetched = await consumer.fetch()
        handed_out += len(fetched.messages)
        if fetched.reached:
            break
    assert (handed_out, fetched.reached) == (7, {Partition(topic, 0): 7})


async def test_an_offset_out_of_range_never_jumps_in_silence(
    topic: str, send: Callable[..., None], source: _Open
) -> None:
    send(b"x")
    consumer = source()
    await consumer.assign({Partition(topic, 0): 7})

    while not (lost := (await consumer.fetch()).lost):
        pass
    assert lost == {Partition(topic, 0)}


async def test_progress_is_published_to_the_group(stack: StackInfo, topic: str, send: Callable[..., None]) -> None:
    send(b"x", b"y")
    group = f"source-{uuid4().hex[:8]}"
    properties = {"bootstrap.servers": stack.kafka_brokers, "group.id": group}
    consumer = PinnedConsumer(properties, batch_size=10, batch_bytes=1000)
    await consumer.assign({Partition(topic, 0): 0})
    await fetched(consumer, 2)
    consumer.publish_progress({Partition(topic, 0): 2})
    await consumer.close()
    await consumer.close()

    tool = Consumer(properties)
    (committed,) = tool.committed([TopicPartition(topic, 0)], timeout=10)
    tool.close()
    assert committed.offset == 2


async def test_a_topic_that_is_made_anew_has_another_id(stack: StackInfo, topic: str) -> None:
    catalogue = TopicCatalogue({"bootstrap.servers": stack.kafka_brokers})
    before = catalogue.describe([topic])[topic]
    delete_topics(stack.kafka_brokers, [topic])
    with pytest.raises(TopicsUnavailable, match=topic):
        catalogue.describe([topic])
    create_topics(stack.kafka_brokers, {topic: 3})
    after = catalogue.describe([topic])[topic]

    assert (before.partitions, after.partitions) == (2, 3)
    assert before.topic_id != after.topic_id


async def test_the_probe_tells_how_far_partitions_go(stack: StackInfo, topic: str, send: Callable[..., None]) -> None:
    send(b"x", b"y", partition=1)
    probe = KafkaProbe({"bootstrap.servers": stack.kafka_brokers}, [topic], timeout=5)
    try:
        assert await probe() == {"partitions": {topic: 2}}
        assert await probe.watermarks() == {Partition(topic, 0): (0, 0), Partition(topic, 1): (0, 2)}
        assert await probe.watermarks_of([Partition(topic, 1)]) == {Partition(topic, 1): (0, 2)}
        assert await probe.watermarks_of([]) == {}
    finally:
        await probe.close()


async def test_brokers_that_are_not_there_are_unavailable(unused_tcp_port: int) -> None:
    probe = KafkaProbe({"bootstrap.servers": f"127.0.0.1:{unused_tcp_port}"}, ["t"], timeout=0.3)
    try:
        with pytest.raises(TopicsUnavailable, match="cannot describe the topics t"):
            await probe.describe()
    finally:
        await probe.close()
