"""Requests and reports, sent at once or in a steady stream."""

import json
from collections.abc import Iterator
from itertools import islice
from threading import Event, Thread
from typing import NamedTuple, Self
from uuid import uuid4

from confluent_kafka import KafkaError, Message, Producer

_FLUSH_SECONDS = 120.0
_STREAM_CHUNK = 60
_STREAM_PAUSE_SECONDS = 0.02


class Outbound(NamedTuple):
    """A message to be sent; without a partition its key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    partition: int = -1


class Lives(NamedTuple):
    """Endless tasks: a request, its start, and every other time its result; on two topics, so in any order."""

    request_topic: str
    status_topic: str

    def __iter__(self) -> Iterator[Outbound]:  # type: ignore[override]
        number = 0
        while True:
            task_id = str(uuid4())
            yield request(self.request_topic, task_id, number)
            yield report(self.status_topic, task_id, "started", {"worker": f"worker-{number % 7}", "progress": 0})
            if number % 2:
                yield report(self.status_topic, task_id, "completed", {"result": f"found {number} offers"})
            number += 1

    def first(self, count: int) -> list[Outbound]:
        """So many messages."""
        return list(islice(self, count))


def request(topic: str, task_id: str, number: int, partition: int = -1) -> Outbound:
    """A sound request."""
    body = {
        "userEmail": f"user{number % 5000}@example.com",
        "userQuery": f"compare the prices of offer {number}",
        "originalUrl": f"https://shop{number % 100}.example.com/offers/{number}",
    }
    return Outbound(topic, task_id.encode(), json.dumps(body).encode(), [("id", task_id.encode())], partition)


def report(topic: str, task_id: str, status: str, body: dict[str, object]) -> Outbound:
    """A sound report."""
    headers: list[tuple[str, bytes | None]] = [("id", task_id.encode()), ("status", status.encode())]
    return Outbound(topic, task_id.encode(), json.dumps(body).encode(), headers)


class Sender:
    """Sends exactly once, whatever the broker goes through, and counts what was stored."""

    def __init__(self, brokers: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "enable.idempotence": True,
                "linger.ms": 20,
                "message.timeout.ms": int(_FLUSH_SECONDS * 1000),
                "reconnect.backoff.max.ms": 500,
                "message.max.bytes": 2_000_000,
                "queue.buffering.max.messages": 1_000_000,
                "log_level": 0,
            }
        )
        self._failed: list[str] = []
        self.stored = 0

    def send(self, message: Outbound) -> None:
        """Hands a message over."""
        self._producer.produce(
            message.topic,
            key=message.key,
            value=message.value,
            headers=list(message.headers),
            partition=message.partition,
            on_delivery=self._delivered,
        )
        self._producer.poll(0)

    def flush(self) -> None:
        """Returns when everything is stored."""
        left = self._producer.flush(_FLUSH_SECONDS)
        assert not left, f"{left} messages could not be sent"
        assert not self._failed, self._failed[:3]

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.stored += 1
        else:
            self._failed.append(error.str())


class Stream:
    """A steady stream of tasks' lives while the block lasts; everything is stored when it is left."""

    def __init__(self, sender: Sender, lives: Lives) -> None:
        self._sender = sender
        self._lives = iter(lives)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="stream")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._sender.flush()

    def _run(self) -> None:
        while not self._stopping.wait(_STREAM_PAUSE_SECONDS):
            for message in islice(self._lives, _STREAM_CHUNK):
                self._sender.send(message)
