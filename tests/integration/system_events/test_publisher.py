"""The publisher with the real client: a broker that answers, one that never does, a topic that is missing."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest

from taskmanager.infrastructure.kafka.system_events import SystemEventPublisher
from tests.faults.waiting import until
from tests.integration.system_events.conftest import SystemTopic

ROOM = 1000
BODY = b'{"eventType": "HealthCheck"}'

Open = Callable[..., SystemEventPublisher]


@pytest.fixture
def dropped() -> Counter[str]:
    return Counter()


@pytest.fixture
def publisher(dropped: Counter[str]) -> Iterator[Open]:
    """Opens publishers whose drops are counted."""
    opened: list[SystemEventPublisher] = []

    def count(reason: str, number: int) -> None:
        dropped[reason] += number

    def open_publisher(brokers: str, topic: str, **properties: Any) -> SystemEventPublisher:
        opened.append(SystemEventPublisher({"bootstrap.servers": brokers, **properties}, topic, count))
        return opened[-1]

    yield open_publisher
    for each in opened:
        each.close(0)


def test_what_is_sent_before_closing_arrives(publisher: Open, dropped: Counter[str], system_topic: SystemTopic) -> None:
    events = publisher(system_topic.brokers, system_topic.name)
    for number in range(100):
        events.send(f"consumer-{number:02d}", [("version", b"1")], BODY)
    events.close(20)

    system_topic.await_events("HealthCheck", 100)
    assert {message.key() for message in system_topic.messages} == {f"consumer-{n:02d}".encode() for n in range(100)}
    assert dropped == {}


def test_a_silent_broker_blocks_nobody_and_costs_no_more_than_the_queue(publisher: Open, dropped: Counter[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        events = publisher(f"127.0.0.1:{silent.getsockname()[1]}", "system")
        began = monotonic()
        for _ in range(5 * ROOM):
            events.send("consumer-00", [("version", b"1")], BODY)
            events.poll()
        sent_in = monotonic() - began
        assert dropped == {"queue_full": 4 * ROOM}
        events.close(0.2)

    assert dropped == {"queue_full": 4 * ROOM, "closed": ROOM}
    assert sent_in < 5  # 20 ms measured; message.timeout.ms is 10 s


def test_large_messages_fill_the_queue_by_their_size(publisher: Open, dropped: Counter[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        events = publisher(f"127.0.0.1:{silent.getsockname()[1]}", "system")
        for _ in range(20):
            events.send("consumer-00", [], b"x" * 100_000)

    assert dropped["queue_full"] == pytest.approx(10, abs=1)


def test_what_no_topic_takes_is_given_up(publisher: Open, dropped: Counter[str], system_topic: SystemTopic) -> None:
    events = publisher(system_topic.brokers, f"no-{system_topic.name}", **{"message.timeout.ms": 1000})
    events.send("consumer-00", [], BODY)

    def given_up() -> bool:
        events.poll()
        return dropped == {"timeout": 1}

    until(given_up, "the message given up")
