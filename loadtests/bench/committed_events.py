"""The events that readers of committed messages see, and whether each comes once and in order."""

from collections.abc import Iterator
from time import monotonic

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

_BATCH = 2000
_ASK_SECONDS = 15.0


class CommittedEvents:
    """Reads a topic from its beginning; messages that are no events are passed over."""

    def __init__(self, brokers: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "bench-looks-only",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                # Asked 200 times a second at most: a reader must not take the broker's time from those it measures.
                "fetch.wait.max.ms": 5,
                "fetch.min.bytes": 1_000_000,
                "log_level": 0,
            }
        )
        partitions = self._consumer.list_topics(topic, timeout=_ASK_SECONDS).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])

    def take(self, timeout: float) -> Iterator[tuple[str, float]]:
        """What has come, at least one unless nothing does within `timeout` seconds: event ids, and when they came."""
        first = self._consumer.poll(timeout)
        if first is not None:
            arrived = monotonic()
            for message in [first, *self._consumer.consume(_BATCH, timeout=0)]:
                if event_id := _event_id(message):
                    yield event_id, arrived

    def close(self) -> None:
        """Leaves the broker."""
        self._consumer.close()


class OrderCheck:
    """Hears of every event once it has come."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}
        self.total = 0
        self.out_of_order = 0

    def came(self, event_id: str) -> None:
        """Counts it as out of order if its version is not above the last one of its task."""
        task_id, _, text = event_id.rpartition(":")
        version, last = int(text), self._versions.get(task_id, 0)
        self.total += 1
        self.out_of_order += version <= last
        self._versions[task_id] = max(version, last)


def _event_id(message: Message) -> str | None:
    if (error := message.error()) is not None:
        raise RuntimeError(f"reading failed: {error.str()}")
    event_id = dict(message.headers() or ()).get("event_id")
    return event_id.decode() if isinstance(event_id, bytes) else None
