"""The system topic, and what comes back from it."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition

from taskmanager.devstack import StackInfo
from taskmanager.devstack.topics import create_topics, delete_topics
from tests.faults.waiting import until


class SystemTopic:
    """A topic of one partition, read from its beginning."""

    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self.name = f"system-{uuid4().hex[:8]}"
        self.messages: list[Any] = []
        self._consumer = Consumer({"bootstrap.servers": brokers, "group.id": self.name})
        self._consumer.assign([TopicPartition(self.name, 0, 0)])

    def events(self, event_type: str) -> list[dict[str, Any]]:
        """The bodies of the events of a type that have come so far."""
        self.messages += [message for message in self._consumer.consume(100, 0.05) if message.error() is None]
        bodies = [orjson.loads(message.value()) for message in self.messages]
        return [body for body in bodies if body["eventType"] == event_type]

    def await_events(self, event_type: str, count: int = 1) -> list[dict[str, Any]]:
        """As `events`, once there are so many."""
        until(lambda: len(self.events(event_type)) >= count, f"{count} {event_type}")
        return self.events(event_type)

    def close(self) -> None:
        """Stops reading."""
        self._consumer.close()


@pytest.fixture
def system_topic(stack: StackInfo) -> Iterator[SystemTopic]:
    """A system topic of the test's own."""
    topic = SystemTopic(stack.kafka_brokers)
    create_topics(stack.kafka_brokers, {topic.name: 1})
    yield topic
    topic.close()
    delete_topics(stack.kafka_brokers, [topic.name])
