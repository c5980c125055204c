"""What the relay counts; the names are public (docs/observability.md)."""

from collections import Counter as Tally
from datetime import UTC, datetime

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from taskmanager.application.chunks import Chunk
from taskmanager.infrastructure.metrics.histograms import BATCH_SECONDS
from taskmanager.infrastructure.metrics.multiprocess import GAUGES_OF_EACH_PROCESS

_DELAY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)


class RelayMetrics:
    """The figures of one relay; the methods are called once per chunk, not per message."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._sent = Counter(
            "kafka_producer_messages_sent", "Messages that have arrived on a topic.", ["topic"], registry=registry
        )
        self._transactions = Counter(
            "relay_transactions",
            "Chunks of events, by what became of them: committed, or why the leader stepped down instead.",
            ["outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "relay_chunk_seconds",
            "Time that the Kafka transaction of a chunk took.",
            buckets=BATCH_SECONDS,
            registry=registry,
        )
        self._delay = Histogram(
            "relay_event_delay_seconds",
            "Time from the recording of a chunk's oldest event until it could be read from Kafka.",
            buckets=_DELAY_SECONDS,
            registry=registry,
        )
        self._reduced = Counter(
            "relay_events_reduced",
            "Events told without all of the task: too_large for the topic, or of an unreadable history.",
            ["reason"],
            registry=registry,
        )
        self._delayed = Counter(
            "relay_dead_letters_delayed", "Tries to publish dead letters that failed.", ["reason"], registry=registry
        )
        self._leader = _gauge("relay_leader", "1 in the relay that leads, 0 in one that stands by.", registry)
        self._position = _gauge("relay_position", "Number of the last event that is known to be published.", registry)
        self._backlog = _gauge("relay_backlog", "Numbers of events between that and the end of the log.", registry)

    def published(self, chunk: Chunk, seconds: float) -> None:
        """Counts a chunk whose transaction took so long."""
        for topic, count in Tally(message.topic for message in chunk.messages).items():
            self._sent.labels(topic).inc(count)
        self._transactions.labels("committed").inc()
        self._seconds.observe(seconds)
        if chunk.oldest is not None:
            self._delay.observe(max((datetime.now(UTC) - chunk.oldest.recorded_at).total_seconds(), 0.0))

    def reduced(self, reason: str) -> None:
        """Counts an event that was told without all of the task, which is rare; `reason` is one of a fixed set."""
        self._reduced.labels(reason).inc()

    def letters_published(self, topic: str, count: int) -> None:
        """Counts dead letters that have arrived."""
        self._sent.labels(topic).inc(count)

    def letters_delayed(self, reason: str) -> None:
        """Counts a failed try; `reason` is one of a fixed set."""
        self._delayed.labels(reason).inc()

    def leads(self, is_leader: bool) -> None:
        """Shows who leads."""
        self._leader.set(is_leader)
        if not is_leader:
            self._backlog.set(0)

    def progressed(self, position: int, last_event: int) -> None:
        """Shows how far the relay has come, and the log."""
        self._position.set(position)
        self._backlog.set(max(last_event - position, 0))

    def stepped_down(self, reason: str) -> None:
        """Counts the end of a term by a failure; `reason` is one of a fixed set."""
        self._transactions.labels(reason).inc()


def _gauge(name: str, description: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(name, description, registry=registry, multiprocess_mode=GAUGES_OF_EACH_PROCESS)
