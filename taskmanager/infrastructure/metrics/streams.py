"""What is counted of live streams; the names are public (docs/observability.md)."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from taskmanager.infrastructure.metrics.multiprocess import GAUGES_OF_EACH_PROCESS


class StreamMetrics:
    """The figures of one process's live streams."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._listeners = Gauge(
            "event_stream_listeners",
            "Live streams that are open.",
            registry=registry,
            multiprocess_mode=GAUGES_OF_EACH_PROCESS,
        )
        self._dropped = Counter(
            "event_stream_listeners_dropped",
            "Streams that were cut because the client was too slow: it stalled, or fell behind what is kept for all.",
            ["reason"],
            registry=registry,
        )
        self._events = Counter(
            "event_stream_events", "Events that were followed for whoever listens.", registry=registry
        )

    def listening(self, listeners: int) -> None:
        """Shows how many streams are open."""
        self._listeners.set(listeners)

    def dropped(self, reason: str) -> None:
        """Counts a stream that was cut; `reason` is one of a fixed set."""
        self._dropped.labels(reason).inc()

    def followed(self, events: int) -> None:
        """Counts events, once for all listeners."""
        self._events.inc(events)
