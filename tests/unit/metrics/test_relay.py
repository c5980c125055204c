"""What the relay counts."""

import pytest
from prometheus_client import CollectorRegistry

from taskmanager.application.chunks import Chunk
from taskmanager.application.outbound import Outbound
from taskmanager.infrastructure.metrics.relay import RelayMetrics
from tests.builders import created_task
from tests.fakes.relay import log_entry


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> RelayMetrics:
    return RelayMetrics(registry)


def chunk(size: int) -> Chunk:
    made = Chunk(0)
    made.messages = [Outbound("events", "key", b"", [])] * size
    made.oldest = log_entry(1, created_task()[1])
    return made


def test_a_chunk_counts_with_its_messages_and_its_delay(registry: CollectorRegistry, metrics: RelayMetrics) -> None:
    metrics.published(chunk(30), 0.02)
    metrics.published(chunk(12), 0.03)

    value = registry.get_sample_value
    assert value("kafka_producer_messages_sent_total", {"topic": "events"}) == 42
    assert value("relay_transactions_total", {"outcome": "committed"}) == 2
    assert value("relay_chunk_seconds_sum") == 0.05
    assert value("relay_event_delay_seconds_count") == 2


def test_who_leads_shows_how_far_it_has_come(registry: CollectorRegistry, metrics: RelayMetrics) -> None:
    metrics.leads(True)
    metrics.progressed(40, 100)
    value = registry.get_sample_value
    assert (value("relay_leader"), value("relay_position"), value("relay_backlog")) == (1, 40, 60)

    metrics.progressed(101, 100)
    assert value("relay_backlog") == 0
    metrics.progressed(40, 100)
    metrics.stepped_down("fenced")
    metrics.leads(False)
    assert (value("relay_leader"), value("relay_backlog")) == (0, 0)
    assert value("relay_transactions_total", {"outcome": "fenced"}) == 1


def test_letters_and_reduced_events_are_counted(registry: CollectorRegistry, metrics: RelayMetrics) -> None:
    metrics.letters_published("requests.dlq", 3)
    metrics.letters_delayed("missing_topic")
    metrics.reduced("too_large")

    value = registry.get_sample_value
    assert value("kafka_producer_messages_sent_total", {"topic": "requests.dlq"}) == 3
    assert value("relay_dead_letters_delayed_total", {"reason": "missing_topic"}) == 1
    assert value("relay_events_reduced_total", {"reason": "too_large"}) == 1
