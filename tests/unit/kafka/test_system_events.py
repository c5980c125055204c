"""The publisher of system events: bounded, silent, and never in the way."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from taskmanager.infrastructure.kafka.system_events import SystemEventPublisher


class FakeProducer:
    """A queue of `room` messages; answers for them when it is polled or flushed, as librdkafka does."""

    def __init__(self, properties: dict[str, Any], room: int = 3) -> None:
        self.properties = properties
        self.room = room
        self.answer: KafkaError | None = None
        self.failure: Exception | None = None
        self.is_away = False
        self.flushes: list[float] = []
        self.closes = 0
        self._queue: list[Callable[[KafkaError | None, object], None]] = []

    def produce(self, topic: str, *, key: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        if self.failure is not None:
            raise self.failure
        if len(self._queue) >= self.room:
            raise BufferError("Local: Queue full")
        self._queue.append(self.properties["on_delivery"])

    def poll(self, _timeout: float) -> int:
        if self.is_away:
            return 0
        queue, self._queue = self._queue, []
        for delivered in queue:
            delivered(self.answer, object())
        return len(queue)

    def flush(self, seconds: float) -> int:
        self.flushes.append(seconds)
        self.poll(0)
        return len(self._queue)

    def purge(self) -> None:
        self.answer = KafkaError(KafkaError._PURGE_QUEUE)
        self.is_away = False

    def close(self) -> None:
        self.closes += 1


@pytest.fixture
def dropped() -> Counter[str]:
    return Counter()


@pytest.fixture
def publisher(dropped: Counter[str]) -> tuple[SystemEventPublisher, FakeProducer]:
    made: list[FakeProducer] = []

    def make(properties: dict[str, Any]) -> FakeProducer:
        made.append(FakeProducer(properties))
        return made[-1]

    def count(reason: str, number: int) -> None:
        dropped[reason] += number

    publisher = SystemEventPublisher({"bootstrap.servers": "x:1"}, "system", count, make=make)
    return publisher, made[0]


Pair = tuple[SystemEventPublisher, FakeProducer]


def send(publisher: SystemEventPublisher, count: int) -> None:
    for _ in range(count):
        publisher.send("api-00", [("version", b"1")], b"{}")


def test_what_arrives_is_not_counted(publisher: Pair, dropped: Counter[str]) -> None:
    events, _ = publisher
    send(events, 3)
    events.poll()
    send(events, 3)
    events.close()

    assert dropped == {}


def test_a_full_queue_drops_and_counts(publisher: Pair, dropped: Counter[str]) -> None:
    send(publisher[0], 5)

    assert dropped == {"queue_full": 2}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (KafkaError._MSG_TIMED_OUT, "timeout"),
        (KafkaError.REQUEST_TIMED_OUT, "refused"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "refused"),
        (KafkaError._PURGE_INFLIGHT, "closed"),
    ],
)
def test_what_is_not_delivered_is_counted_by_reason(
    publisher: Pair, dropped: Counter[str], code: int, reason: str
) -> None:
    events, producer = publisher
    producer.answer = KafkaError(code)
    send(events, 2)
    events.poll()

    assert dropped == {reason: 2}


def test_a_message_that_the_client_refuses_is_counted(publisher: Pair, dropped: Counter[str]) -> None:
    events, producer = publisher
    producer.failure = KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    send(events, 1)

    assert dropped == {"refused": 1}


def test_closing_waits_no_longer_than_it_may_and_drops_the_rest(publisher: Pair, dropped: Counter[str]) -> None:
    events, producer = publisher
    producer.is_away = True
    send(events, 2)
    events.close(0.7)

    assert (producer.flushes, producer.closes, dropped) == ([0.7], 1, {"closed": 2})


def test_closed_twice_and_used_afterwards_it_does_nothing(publisher: Pair, dropped: Counter[str]) -> None:
    events, producer = publisher
    events.close()
    events.close()
    events.poll()
    send(events, 1)

    assert (producer.closes, dropped) == (1, {"closed": 1})


def test_the_client_is_small_silent_and_forgets_soon(publisher: Pair) -> None:
    properties = publisher[1].properties

    assert (properties["queue.buffering.max.messages"], properties["queue.buffering.max.kbytes"]) == (1000, 1024)
    assert (properties["message.timeout.ms"], properties["log_level"]) == (10_000, 0)
    assert properties["bootstrap.servers"] == "x:1"
