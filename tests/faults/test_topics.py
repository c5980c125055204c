"""Topics change under the consumers: they grow, are made anew, and lose messages that nobody has read."""

from collections.abc import Callable
from signal import SIGCONT, SIGSTOP
from time import monotonic
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from taskmanager.devstack.topics import create_topics, delete_topics

from .programs import Program
from .traffic import Outbound, Sender, request
from .waiting import until
from .world import World

_Tell = Callable[[str], None]


def requests(world: World, count: int, partition: int) -> list[Outbound]:
    """Requests for one partition."""
    tasks = (message.key or b"" for message in world.lives if message.topic == world.requests)
    return [request(world.requests, next(tasks).decode(), number, partition) for number in range(count)]


def stops(consumer: Program, reason: str) -> list[dict[str, Any]]:
    """What a consumer tells of partitions that it has stopped for this reason."""
    return [line for line in consumer.events("partitions_stopped") if line["reason"] == reason]


def next_offset(world: World, partition: int) -> int:
    """How far a partition of requests was read."""
    return int(
        world.database.value(
            "select coalesce(max(next_offset), -1) from consumer_offsets where topic = %s and partition = %s",
            (world.requests, partition),
        )
    )


def reset_as_told(world: World, line: dict[str, Any]) -> None:
    """Does what the consumer says is to be done."""
    program, *arguments = line["remedy"].split()
    assert program == "taskmanager"
    world.run(*arguments, "--yes")


def test_partitions_that_end_in_markers_of_transactions_are_drained(world: World) -> None:
    consumer = world.start("consumer")
    producer = Producer({"bootstrap.servers": world.database.info.kafka_brokers, "transactional.id": world.requests})
    producer.init_transactions(30)
    for number, ends in enumerate(("commit", "abort", "commit")):
        producer.begin_transaction()
        for message in requests(world, 4, partition=number):
            producer.produce(message.topic, message.value, message.key, message.partition, headers=message.headers)
        assert producer.flush(30) == 0
        producer.commit_transaction(30) if ends == "commit" else producer.abort_transaction(30)

    until(lambda: [next_offset(world, number) for number in range(3)] == [5, 5, 5], "the markers left behind")
    world.verify()  # there is no lag
    assert world.database.run("select sum(created)::int, sum(skipped)::int from consumer_offsets") == [(8, 7)]
    assert consumer.is_alive


@pytest.mark.parametrize("mode", ["pinned", "group"])
def test_partitions_that_are_added_are_taken_up_within_a_minute(world: World, mode: str, tell: _Tell) -> None:
    consumer = world.start("consumer", CONSUMER_ASSIGNMENT=mode, KAFKA_GROUP_ID=f"group-{world.requests}")
    world.send(requests(world, 50, partition=0))
    world.await_read(50)
    admin = AdminClient({"bootstrap.servers": world.database.info.kafka_brokers})
    admin.create_partitions([NewPartitions(world.requests, 8)])[world.requests].result(30)
    began = monotonic()
    until(lambda: consumer.events("partitions_owned")[-1]["taken_up"].get(world.requests) == [6, 7], "taken up", 60)
    tell(f"partitions added to a topic, {mode}: taken up after {monotonic() - began:.0f} s")
    sender = Sender(world.database.info.kafka_brokers)  # the other one does not know these partitions
    for message in requests(world, 50, partition=7):
        sender.send(message)
    sender.flush()
    world.await_read(100)
    world.verify()


def test_a_topic_that_is_made_anew_stops_until_it_is_reset_and_the_other_goes_on(world: World) -> None:
    brokers = world.database.info.kafka_brokers
    consumer = world.start("consumer")
    world.send(world.lives.first(300))
    world.await_settled()
    delete_topics(brokers, [world.requests])
    until(lambda: stops(consumer, "topic_missing"), "the topic missed")
    create_topics(brokers, {world.requests: 6})
    world.send(requests(world, 40, partition=0))
    until(lambda: stops(consumer, "topic_made_anew"), "the new topic noticed")
    (line,) = stops(consumer, "topic_made_anew")
    assert line["partitions"] == [0, 1, 2, 3, 4, 5]

    status = "select coalesce(sum(next_offset), 0) from consumer_offsets where topic = %s"
    before = world.database.value(status, (world.status,))
    reports = [message for message in world.lives.first(100) if message.topic == world.status]
    world.send(reports)
    until(lambda: world.database.value(status, (world.status,)) == before + len(reports), "the other topic read on")
    assert next_offset(world, 0) < 300
    reset_as_told(world, line)
    until(lambda: next_offset(world, 0) == 40, "the new topic read", 40)

    assert consumer.is_alive
    assert world.verify()["resetPartitions"] == 6


def test_a_topic_that_is_made_anew_behind_the_readers_back_loses_nothing(world: World) -> None:
    brokers = world.database.info.kafka_brokers
    consumer = world.start("consumer")
    world.send(requests(world, 10, partition=0))
    world.await_read(10)
    delete_topics(brokers, [world.requests])
    create_topics(brokers, {world.requests: 6})
    # The driver reads on at offset 10 as if nothing had happened.
    world.send(requests(world, 40, partition=0))
    (line,) = until(lambda: stops(consumer, "topic_made_anew"), "the new topic noticed")
    reset_as_told(world, line)
    until(lambda: next_offset(world, 0) == 40, "the new topic read", 40)

    assert consumer.is_alive
    assert world.database.value("select count(*)::int from web_crawl_tasks") == 50
    world.verify()


def test_messages_that_are_gone_before_they_were_read_stop_their_partition_alone(world: World) -> None:
    consumer = world.start("consumer")
    world.send([*requests(world, 10, partition=0), *requests(world, 10, partition=1)])
    world.await_read(20)
    consumer.kill()
    world.send([*requests(world, 30, partition=0), *requests(world, 30, partition=1)])
    admin = AdminClient({"bootstrap.servers": world.database.info.kafka_brokers})
    for future in admin.delete_records([TopicPartition(world.requests, 0, 25)]).values():
        future.result(30)
    consumer = world.start("consumer")
    until(lambda: next_offset(world, 1) == 40, "the other partition read")
    (line,) = until(lambda: stops(consumer, "removed"), "the gap noticed")
    assert line["partitions"] == [0]
    assert "read up to 10, but the topic holds 25 to 40" in line["detail"]["0"]
    assert next_offset(world, 0) == 10

    reset_as_told(world, line)
    until(lambda: next_offset(world, 0) == 40, "the rest of the partition read", 40)
    assert consumer.is_alive
    world.verify()
    assert world.database.value("select sum(skipped)::int from consumer_offsets") == 15


def test_messages_that_vanish_under_a_reader_stop_their_partition_alone(world: World) -> None:
    consumer = world.start("consumer")
    world.send([*requests(world, 10, partition=0), *requests(world, 10, partition=1)])
    world.await_read(20)
    consumer.send(SIGSTOP)
    # Answers the request that waits at the broker already, if that has not just been answered with nothing.
    world.send(requests(world, 1, partition=0))
    world.send([*requests(world, 30, partition=0), *requests(world, 30, partition=1)])
    admin = AdminClient({"bootstrap.servers": world.database.info.kafka_brokers})
    for future in admin.delete_records([TopicPartition(world.requests, 0, 25)]).values():
        future.result(30)
    consumer.send(SIGCONT)
    until(lambda: next_offset(world, 1) == 40, "the other partition read on")
    (line,) = until(lambda: stops(consumer, "removed"), "the gap noticed")
    assert consumer.events("partitions_lost")
    assert line["partitions"] == [0]
    assert next_offset(world, 0) in (10, 11)

    reset_as_told(world, line)
    until(lambda: next_offset(world, 0) == 41, "the rest of the partition read", 40)
    assert consumer.is_alive
    world.verify()


def test_a_partition_whose_end_was_lost_is_read_again_without_a_second_effect(world: World) -> None:
    consumer = world.start("consumer")
    world.send([*requests(world, 10, partition=0), *requests(world, 10, partition=1)])
    world.await_read(20)
    # As after a failover of Kafka that has cost the last messages.
    world.database.run(
        "update consumer_offsets set skipped = skipped + 90, next_offset = next_offset + 90"
        " where topic = %s and partition = 0",
        (world.requests,),
    )
    world.send(requests(world, 5, partition=0))
    (line,) = until(lambda: stops(consumer, "beyond_end"), "the lost end noticed")
    world.send(requests(world, 5, partition=1))
    until(lambda: next_offset(world, 1) == 15, "the other partition read on")

    reset_as_told(world, line)
    until(lambda: next_offset(world, 0) == 15, "the partition read again", 40)
    assert consumer.is_alive
    assert world.database.value("select count(*)::int from web_crawl_tasks") == 30
    world.verify()
