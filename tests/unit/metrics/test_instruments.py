"""The names and figures that dashboards rely on."""

import pytest
from prometheus_client import CollectorRegistry, Histogram

from taskmanager.application.changes import Outcome, PartitionProgress
from taskmanager.application.commands import Partition
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.use_cases.ingest_batch import Ingested
from taskmanager.domain.status import TaskStatus
from taskmanager.infrastructure.metrics.histograms import observe_all
from taskmanager.infrastructure.metrics.instruments import ConsumerMetrics, HttpMetrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def batch() -> Ingested:
    ingested = Ingested()
    requests = {Outcome.CREATED: 7, Outcome.DEAD: 1}
    ingested.progress[Partition("requests", 0)] = PartitionProgress(0, 8, outcomes=dict(requests))
    ingested.progress[Partition("requests", 1)] = PartitionProgress(0, 2, outcomes={Outcome.CREATED: 2})
    ingested.progress[Partition("reports", 0)] = PartitionProgress(5, 8, outcomes={Outcome.APPLIED: 3})
    ingested.dead["requests", DeadLetterReason.TOMBSTONE] += 1
    ingested.durations[TaskStatus.COMPLETED] = [0.2, 45.0]
    return ingested


def test_messages_are_counted_by_topic_and_outcome_over_all_partitions(registry: CollectorRegistry) -> None:
    ConsumerMetrics(registry).batch_committed(batch(), 13, 0.07)

    def processed(topic: str, outcome: str) -> float | None:
        labels = {"topic": topic, "outcome": outcome}
        return registry.get_sample_value("kafka_consumer_messages_processed_total", labels)

    assert processed("requests", "created") == 9
    assert processed("requests", "dead") == 1
    assert processed("reports", "applied") == 3
    failed = {"topic": "requests", "reason": "tombstone"}
    assert registry.get_sample_value("kafka_consumer_messages_failed_total", failed) == 1


def test_a_batch_is_timed_and_measured_once(registry: CollectorRegistry) -> None:
    metrics = ConsumerMetrics(registry)
    metrics.batch_committed(batch(), 13, 0.07)
    metrics.batch_committed(Ingested(), 1, 0.01)
    metrics.batch_committed(Ingested(), 0, 0.01)  # moves offsets alone
    assert registry.get_sample_value("kafka_consumer_processing_duration_seconds_count") == 2
    assert registry.get_sample_value("kafka_consumer_processing_duration_seconds_sum") == pytest.approx(0.08)
    assert registry.get_sample_value("kafka_consumer_batch_messages_sum") == 14


def test_partitions_that_may_be_read_again_are_not_counted_as_stopped(registry: CollectorRegistry) -> None:
    metrics = ConsumerMetrics(registry)

    def stopped(topic: str, reason: str) -> float | None:
        return registry.get_sample_value("kafka_consumer_partitions_stopped", {"topic": topic, "reason": reason})

    metrics.partitions_stopped({("requests", "removed"): 2, ("requests", "topic_made_anew"): 1})
    assert (stopped("requests", "removed"), stopped("requests", "topic_made_anew")) == (2, 1)
    metrics.partitions_stopped({("requests", "removed"): 1})
    assert (stopped("requests", "removed"), stopped("requests", "topic_made_anew")) == (1, 0)


def test_durations_of_settled_tasks_are_kept_by_status(registry: CollectorRegistry) -> None:
    ConsumerMetrics(registry).batch_committed(batch(), 13, 0.07)

    def below(bound: str) -> float | None:
        labels = {"status": "completed", "le": bound}
        return registry.get_sample_value("web_crawl_task_duration_seconds_bucket", labels)

    assert below("0.1") == 0
    assert below("0.5") == 1
    assert below("60.0") == 2
    assert registry.get_sample_value("web_crawl_task_duration_seconds_sum", {"status": "completed"}) == 45.2


def test_observing_many_values_equals_observing_each(registry: CollectorRegistry) -> None:
    bounds = (1, 2, 5)
    values = [0.0, 0.5, 1, 1.5, 2, 4.9, 5, 5.1, 1e9]
    together = Histogram("together", "x", buckets=bounds, registry=registry)
    apart = Histogram("apart", "x", buckets=bounds, registry=registry)
    observe_all(together, bounds, values)
    for value in values:
        apart.observe(value)

    def figures(histogram: Histogram) -> list[tuple[str, dict[str, str], float]]:
        (metric,) = histogram.collect()
        samples = [s for s in metric.samples if not s.name.endswith("_created")]
        return [(s.name.partition("_")[2], s.labels, s.value) for s in samples]

    assert figures(together) == figures(apart)


def test_what_a_consumer_tells_besides(registry: CollectorRegistry) -> None:
    metrics = ConsumerMetrics(registry)
    metrics.fenced()
    metrics.retried("connection")
    metrics.swept(4)
    metrics.ignored(3, 2)
    value = registry.get_sample_value
    assert value("kafka_consumer_fenced_total") == 1
    assert value("kafka_consumer_retries_total", {"reason": "connection"}) == 1
    assert value("kafka_consumer_parked_reports_applied_total") == 4
    assert value("kafka_consumer_ignored_total", {"part": "unknown_key"}) == 3
    assert value("kafka_consumer_ignored_total", {"part": "bad_trace"}) == 2


def test_requests_are_counted_and_timed_by_endpoint(registry: CollectorRegistry) -> None:
    HttpMetrics(registry).answered("GET", "/api/tasks/{id}", 404, 0.004)
    labels = {"method": "GET", "endpoint": "/api/tasks/{id}"}
    assert registry.get_sample_value("http_requests_total", {**labels, "status": "404"}) == 1
    assert registry.get_sample_value("http_request_duration_seconds_sum", labels) == 0.004
