"""The messages that the benchmarks send: a new request each, then its start and its result."""

import random
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from confluent_kafka import Producer

_SITES = ("shop", "news", "jobs", "docs", "maps", "wiki", "blog", "travel")
_AT = b"2026-01-15T09:30:00.123Z"


class Message(NamedTuple):
    """What a producer is given."""

    key: str
    value: bytes
    headers: list[tuple[str, bytes]]


def task_ids(count: int, seed: int) -> list[str]:
    """Random ids, as gateways make them, the same for the same seed."""
    source = random.Random(seed)
    return [str(UUID(int=source.getrandbits(128), version=4)) for _ in range(count)]


def requests(ids: list[str]) -> Iterator[Message]:
    """A request for each id: some 170 bytes of body and six headers."""
    for number, task_id in enumerate(ids):
        site = _SITES[number % len(_SITES)]
        body = (
            f'{{"userEmail":"user{number % 10_000}@example.com",'
            f'"userQuery":"compare the prices and delivery times of offer number {number}",'
            f'"originalUrl":"https://{site}{number % 500}.example.com/catalogue/{number}?page=1&sort=price"}}'
        )
        yield Message(task_id, body.encode(), _headers(task_id, b"new", b"gateway", b"order-%d" % number))


def reports(ids: list[str]) -> Iterator[Message]:
    """For each stretch of ids: their starts, then their results."""
    stretch = 1000
    for low in range(0, len(ids), stretch):
        part = ids[low : low + stretch]
        for task_id in part:
            yield Message(
                task_id, b'{"worker":"worker-7","progress":0}', _headers(task_id, b"in_progress", b"worker-7")
            )
        for task_id in part:
            body = (
                b'{"result":"Offer found: 3 sellers, cheapest 12.90, delivery in 2 days. Checked %s."}'
                % task_id.encode()
            )
            yield Message(task_id, body, _headers(task_id, b"completed", b"worker-7"))


def produce(brokers: str, topic: str, messages: Iterator[Message]) -> int:
    """Sends all and waits until all are stored; answers how many. Raises `RuntimeError` if one is not."""
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "linger.ms": 50,
            "batch.size": 1 << 20,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    failed: list[str] = []

    def delivered(error: object, _message: object) -> None:
        if error is not None:
            failed.append(str(error))

    sent = 0
    for message in messages:
        producer.produce(
            topic, key=message.key, value=message.value, headers=list(message.headers), on_delivery=delivered
        )
        sent += 1
        if sent % 2000 == 0:
            producer.poll(0)
    if producer.flush(120) or failed:
        raise RuntimeError(f"not every message was stored: {failed[:1] or 'time-out'}")
    return sent


def _headers(task_id: str, status: bytes, source: bytes, correlation: bytes | None = None) -> list[tuple[str, bytes]]:
    headers = [
        ("id", task_id.encode()),
        ("task_type", b"web-crawl"),
        ("status", status),
        ("timestamp", _AT),
        ("source", source),
    ]
    return [*headers, ("correlation_id", correlation)] if correlation else headers
