"""The figures of one process since its start."""

from collections.abc import Callable, Iterable

import psutil
from prometheus_client import REGISTRY, CollectorRegistry, Counter
from prometheus_client.metrics_core import Metric

# What every Python process counts about its interpreter; the figures have that from the system.
_INTERPRETER = ("python_", "process_")


class SystemEventMetrics:
    """What the sender of system events counts."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._dropped = Counter(
            "system_events_dropped", "System events that were not delivered.", ["reason"], registry=registry
        )

    def dropped(self, reason: str, count: int) -> None:
        """Counts events; `reason` is one of a fixed set, such as `queue_full`."""
        self._dropped.labels(reason).inc(count)


class ProcessFigures:
    """CPU seconds, resident bytes, and what this process has counted since this object was made, summed by name.

    `counters` answers the process's metrics, of which those that are no counters are passed by. Counters that go on
    where the slot's former process stopped are counted from there.
    """

    def __init__(self, counters: Callable[[], Iterable[Metric]]) -> None:
        self._counters = counters
        self._before = self._sums()
        self._process = psutil.Process()

    def __call__(self) -> dict[str, float]:
        """The figures now."""
        times = self._process.cpu_times()
        return {
            "cpuSeconds": round(times.user + times.system, 3),
            "residentBytes": float(self._process.memory_info().rss),
            **{name: total - self._before.get(name, 0.0) for name, total in self._sums().items()},
        }

    def _sums(self) -> dict[str, float]:
        sums: dict[str, float] = {}
        for metric in self._counters():
            if metric.type == "counter" and not metric.name.startswith(_INTERPRETER):
                for sample in metric.samples:
                    if sample.name.endswith("_total"):
                        sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        return sums
