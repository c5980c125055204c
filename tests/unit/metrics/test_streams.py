"""What is counted of live streams."""

from prometheus_client import CollectorRegistry

from taskmanager.infrastructure.metrics.streams import StreamMetrics


def test_streams_are_counted_while_they_last_and_when_they_are_cut() -> None:
    registry = CollectorRegistry()
    metrics = StreamMetrics(registry)
    metrics.listening(3)
    metrics.listening(2)
    metrics.dropped("stalled")
    metrics.followed(40)
    metrics.followed(2)

    value = registry.get_sample_value
    assert value("event_stream_listeners") == 2
    assert value("event_stream_listeners_dropped_total", {"reason": "stalled"}) == 1
    assert value("event_stream_events_total") == 42
