"""What the housekeeper counts; the names are public (docs/observability.md)."""

import math
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.rule import Done
from taskmanager.domain.status import TaskStatus
from taskmanager.infrastructure.metrics.histograms import BATCH_SECONDS, TASK_SECONDS, observe_all
from taskmanager.infrastructure.metrics.multiprocess import GAUGES_OF_EACH_PROCESS


class HousekeeperMetrics:
    """The figures of one housekeeper: implements `Observer` and `LeadMetrics`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._affected = Counter(
            "housekeeper_affected", "What the rules did, by what became of it.", ["rule", "effect"], registry=registry
        )
        self._failures = Counter(
            "housekeeper_failures", "Times that a rule could not be applied.", ["rule"], registry=registry
        )
        self._seconds = Histogram(
            "housekeeper_rule_seconds",
            "Time that a rule took, each time that it was applied.",
            ["rule"],
            buckets=BATCH_SECONDS,
            registry=registry,
        )
        self._settled = Histogram(
            "web_crawl_task_duration_seconds",
            "Time from a task's start (or request) to its end.",
            ["status"],
            buckets=TASK_SECONDS,
            registry=registry,
        )
        self._age = _gauge(
            "housekeeper_ingestion_age_seconds",
            "How old the message time is that every partition has reached; +Inf where that is unknown.",
            registry,
        )
        self._held = _gauge(
            "housekeeper_clock_held", "1 while unread messages keep everything from being declared dead.", registry
        )
        self._leader = _gauge("housekeeper_leader", "1 for the housekeeper that is at work.", registry)
        self._leader.set(0)

    def leads(self, is_leader: bool) -> None:
        """See `LeadMetrics.leads`."""
        self._leader.set(is_leader)

    def looked_at_clock(self, now: datetime, reading: Reading) -> None:
        """See `Observer.looked_at_clock`."""
        reached = reading.time or reading.reached
        self._age.set(math.inf if reached is None else max((now - reached).total_seconds(), 0.0))
        self._held.set(reading.time is None)

    def applied(self, rule: str, done: Done, seconds: float) -> None:
        """See `Observer.applied`."""
        self._seconds.labels(rule).observe(seconds)
        for effect, count in done.effects.items():
            self._affected.labels(rule, effect).inc(count)

    def failed(self, rule: str, seconds: float) -> None:
        """See `Observer.failed`."""
        self._seconds.labels(rule).observe(seconds)
        self._failures.labels(rule).inc()

    def settled(self, status: TaskStatus, seconds: Sequence[float]) -> None:
        """Observes how long tasks took that were ended for good."""
        observe_all(self._settled.labels(status.value), TASK_SECONDS, seconds)


def _gauge(name: str, description: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(name, description, registry=registry, multiprocess_mode=GAUGES_OF_EACH_PROCESS)
