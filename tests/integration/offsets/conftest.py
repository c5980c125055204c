"""Topics and a database of a test's own, and the command line between them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from taskmanager.application.commands import Partition
from taskmanager.devstack.topics import create_topics, delete_topics
from taskmanager.infrastructure.kafka.topics import TopicCatalogue
from tests.scratch import ScratchDatabase

_INHERITED = ("PATH", "HOME", "LANG", "PYTHONPATH", "COVERAGE_PROCESS_START")
_SECONDS = 60


class Place:
    """Two topics of two partitions, and what is stored of them."""

    def __init__(self, database: ScratchDatabase) -> None:
        tag = uuid4().hex[:8]
        self.database = database
        self.requests, self.status = f"requests-{tag}", f"status-{tag}"
        self.brokers = database.info.kafka_brokers
        self.environment = database.environment | {
            "WEB_CRAWL_REQUEST_TOPIC": self.requests,
            "TASK_STATUS_TOPIC": self.status,
        }

    def create(self, *topics: str) -> None:
        """Makes topics."""
        create_topics(self.brokers, dict.fromkeys(topics, 2))

    def make_anew(self, topic: str) -> None:
        """Deletes a topic and makes it again."""
        delete_topics(self.brokers, [topic])
        self.create(topic)

    def send(self, topic: str, count: int, partition: int = 0) -> None:
        """Sends so many messages."""
        producer = Producer({"bootstrap.servers": self.brokers, "linger.ms": 5})
        for _ in range(count):
            producer.produce(topic, b"{}", partition=partition)
        assert producer.flush(_SECONDS) == 0

    def topic_id(self, topic: str) -> str:
        """The incarnation that is there."""
        return TopicCatalogue({"bootstrap.servers": self.brokers}).describe([topic])[topic].topic_id

    def store(self, partition: Partition, offset: int, topic_id: str | None = None) -> None:
        """A partition was read up to here, from 0 on, and everything in it was skipped."""
        self.database.run(
            "insert into consumer_offsets (topic, partition, topic_id, first_offset, next_offset, skipped)"
            " values (%s, %s, %s, 0, %s, %s)",
            (*partition, topic_id or self.topic_id(partition.topic), offset, offset),
        )

    def stored(self) -> dict[tuple[str, int], tuple[int, int, int]]:
        """First and next offset, and the number of skipped ones."""
        rows = self.database.run("select topic, partition, first_offset, next_offset, skipped from consumer_offsets")
        return {(topic, number): (first, after, skipped) for topic, number, first, after, skipped in rows}

    def run(self, *arguments: str, answer: str = "", **environment: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of `taskmanager …`."""
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-m", "taskmanager", *arguments],
            env=inherited | self.environment | environment,
            input=answer,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def place(database: ScratchDatabase) -> Iterator[Place]:
    place = Place(database)
    place.create(place.requests, place.status)
    yield place
    delete_topics(place.brokers, [place.requests, place.status])
