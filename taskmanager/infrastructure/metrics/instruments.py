"""What the consumers and the API count; the names are public (docs/observability.md)."""

from collections.abc import Mapping

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from taskmanager.application.use_cases.ingest_batch import Ingested
from taskmanager.infrastructure.metrics.histograms import (
    BATCH_MESSAGES,
    BATCH_SECONDS,
    HTTP_SECONDS,
    TASK_SECONDS,
    observe_all,
)
from taskmanager.infrastructure.metrics.multiprocess import GAUGES_OF_EACH_PROCESS


class ConsumerMetrics:
    """The figures of one consumer process; every method is called once per batch, never per message."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._processed = Counter(
            "kafka_consumer_messages_processed",
            "Messages whose effect is committed, by what became of them.",
            ["topic", "outcome"],
            registry=registry,
        )
        self._failed = Counter(
            "kafka_consumer_messages_failed",
            "Messages that became dead letters, by reason.",
            ["topic", "reason"],
            registry=registry,
        )
        self._processing = Histogram(
            "kafka_consumer_processing_duration_seconds",
            "Time from a batch in hand to its commit.",
            buckets=BATCH_SECONDS,
            registry=registry,
        )
        self._size = Histogram(
            "kafka_consumer_batch_messages", "Messages in a committed batch.", buckets=BATCH_MESSAGES, registry=registry
        )
        self._retries = Counter(
            "kafka_consumer_retries",
            "Batches tried again, by class of the failure.",
            ["reason"],
            registry=registry,
        )
        self._fenced = Counter(
            "kafka_consumer_fenced",
            "Batches thrown away because another owner had moved the offset.",
            registry=registry,
        )
        self._stopped = Gauge(
            "kafka_consumer_partitions_stopped",
            "Partitions that are not read until somebody decides where to go on, by reason.",
            ["topic", "reason"],
            registry=registry,
            multiprocess_mode=GAUGES_OF_EACH_PROCESS,
        )
        self._stopped_labels: set[tuple[str, str]] = set()
        self._swept = Counter(
            "kafka_consumer_parked_reports_applied",
            "Parked reports that were applied once their task had appeared.",
            registry=registry,
        )
        self._ignored = Counter(
            "kafka_consumer_ignored",
            "Parts of sound messages that were left out: unknown keys of bodies, unreadable trace contexts.",
            ["part"],
            registry=registry,
        )
        self._settled = Histogram(
            "web_crawl_task_duration_seconds",
            "Time from a task's start (or request) to its end.",
            ["status"],
            buckets=TASK_SECONDS,
            registry=registry,
        )

    def batch_committed(self, ingested: Ingested, messages: int, seconds: float) -> None:
        """Counts a batch of so many messages that took `seconds` from being in hand to its COMMIT."""
        for partition, moved in ingested.progress.items():
            for outcome, count in moved.outcomes.items():
                self._processed.labels(partition.topic, outcome.value).inc(count)
        for (topic, reason), count in ingested.dead.items():
            self._failed.labels(topic, reason.value).inc(count)
        for status, durations in ingested.durations.items():
            observe_all(self._settled.labels(status.value), TASK_SECONDS, durations)
        if messages:
            self._size.observe(messages)
            self._processing.observe(seconds)

    def retried(self, reason: str) -> None:
        """Counts another try of a batch; `reason` is one of a fixed set, such as `connection` or `deadlock`."""
        self._retries.labels(reason).inc()

    def fenced(self) -> None:
        """Counts a batch that another owner of a partition had overtaken."""
        self._fenced.inc()

    def partitions_stopped(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Sets how many partitions are stopped, by topic and reason; there are none but these."""
        self._stopped_labels |= counts.keys()
        for topic, reason in self._stopped_labels:
            self._stopped.labels(topic, reason).set(counts.get((topic, reason), 0))

    def swept(self, applied: int) -> None:
        """Counts parked reports whose task appeared later."""
        self._swept.inc(applied)

    def ignored(self, unknown_keys: int, bad_traces: int) -> None:
        """Counts what was left out of messages that were otherwise sound."""
        self._ignored.labels("unknown_key").inc(unknown_keys)
        self._ignored.labels("bad_trace").inc(bad_traces)


class HttpMetrics:
    """The figures of one API process."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._requests = Counter(
            "http_requests", "Requests answered.", ["method", "endpoint", "status"], registry=registry
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from a request's headers to its answer.",
            ["method", "endpoint"],
            buckets=HTTP_SECONDS,
            registry=registry,
        )

        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Counts an answer; `endpoint` is the route's template, never the path that the client wrote."""
        key = method, endpoint, status
        children = self._children.get(key)
        if children is None:  # looking them up by their labels takes longer than counting
            requests = self._requests.labels(method, endpoint, str(status))
            children = self._children[key] = requests, self._duration.labels(method, endpoint)
        requests, duration = children
        requests.inc()
        duration.observe(seconds)
