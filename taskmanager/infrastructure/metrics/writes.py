"""What the API counts of the changes that it commits; the names are public (docs/observability.md)."""

from collections.abc import Sequence

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from taskmanager.domain.status import TaskStatus
from taskmanager.infrastructure.metrics.histograms import BATCH_MESSAGES, BATCH_SECONDS, TASK_SECONDS, observe_all


class WriteMetrics:
    """The figures of one API process: implements `GroupObserver`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._size = Histogram(
            "http_write_group_requests",
            "Requests that shared a transaction.",
            buckets=BATCH_MESSAGES,
            registry=registry,
        )
        self._seconds = Histogram(
            "http_write_group_seconds",
            "Time from a group's first look into the database to its commit.",
            buckets=BATCH_SECONDS,
            registry=registry,
        )
        self._replayed = Counter(
            "http_idempotent_replays", "Requests answered as an earlier one with their key.", registry=registry
        )
        self._overloaded = Counter(
            "http_writes_overloaded", "Requests refused because too many changes were waiting.", registry=registry
        )
        self._settled = Histogram(
            "web_crawl_task_duration_seconds",
            "Time from a task's start (or request) to its end.",
            ["status"],
            buckets=TASK_SECONDS,
            registry=registry,
        )

    def committed(self, units: int, seconds: float) -> None:
        """See `GroupObserver.committed`."""
        self._size.observe(units)
        self._seconds.observe(seconds)

    def settled(self, status: TaskStatus, seconds: Sequence[float]) -> None:
        """See `GroupObserver.settled`."""
        observe_all(self._settled.labels(status.value), TASK_SECONDS, seconds)

    def replayed(self) -> None:
        """See `GroupObserver.replayed`."""
        self._replayed.inc()

    def overloaded(self) -> None:
        """See `GroupObserver.overloaded`."""
        self._overloaded.inc()
