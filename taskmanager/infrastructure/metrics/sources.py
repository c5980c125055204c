"""The sources of the metrics page: the processes' files, the database, Kafka, supervisord."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from taskmanager.application.commands import Partition
from taskmanager.application.lag import lag_by_partition
from taskmanager.infrastructure.metrics.multiprocess import merge
from taskmanager.infrastructure.supervisor import RUNNING, ProcessState, wanted_or_running


class FilesSource:
    """What the processes of this container count, added up; `directory` is the one given to `multiprocess.enable`."""

    name = "processes"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._unreadable = 0

    async def read(self) -> Iterable[Metric]:
        """All instruments, and how many files had to be left out."""
        merged = await asyncio.to_thread(merge, self._directory)
        self._unreadable += len(merged.unreadable)
        left_out = GaugeMetricFamily(
            "taskmanager_metrics_files_unreadable",
            "Corrupt metric files that are left out.",
            len(merged.unreadable),
        )
        ever = CounterMetricFamily(
            "taskmanager_metrics_files_unreadable_reads", "Times that a corrupt file was left out.", self._unreadable
        )
        return [*merged.metrics, left_out, ever]


class RegistrySource:
    """What this process counts, where it shares its counts with no other."""

    name = "processes"

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def read(self) -> Iterable[Metric]:
        """All instruments of the registry."""
        return list(self._registry.collect())


class TasksSource:
    """Tasks per status, as the database counts them."""

    name = "database"

    def __init__(self, tasks_by_status: Callable[[], Awaitable[Mapping[str, int]]]) -> None:
        self._tasks_by_status = tasks_by_status

    async def read(self) -> Iterable[Metric]:
        """`web_crawl_tasks_total{status}`: a gauge, for tasks leave a status as well."""
        tasks = GaugeMetricFamily("web_crawl_tasks_total", "Tasks by status.", labels=["status"])
        for status, count in (await self._tasks_by_status()).items():
            tasks.add_metric([status], count)
        return [tasks]


class LagSource:
    """Messages not yet ingested: Kafka's end offsets less the offsets in the database."""

    name = "kafka"

    def __init__(
        self,
        watermarks: Callable[[], Awaitable[Mapping[Partition, tuple[int, int]]]],
        next_offsets: Callable[[], Awaitable[Mapping[Partition, int]]],
    ) -> None:
        self._watermarks = watermarks
        self._next_offsets = next_offsets

    async def read(self) -> Iterable[Metric]:
        """`kafka_consumer_lag{topic,partition}`; a partition never read yet lags by all that it holds."""
        watermarks, next_offsets = await asyncio.gather(self._watermarks(), self._next_offsets())
        lag = GaugeMetricFamily(
            "kafka_consumer_lag", "Messages in Kafka that are not ingested yet.", labels=["topic", "partition"]
        )
        for (topic, partition), messages in lag_by_partition(watermarks, next_offsets).items():
            lag.add_metric([topic, str(partition)], messages)
        return [lag]


class SupervisorSource:
    """What supervisord says of its programs; a consumer's slot that is neither wanted nor in use is no program."""

    name = "supervisor"

    def __init__(self, processes: Callable[[], Sequence[ProcessState]], wanted_consumers: Callable[[], int]) -> None:
        self._processes = processes
        self._wanted_consumers = wanted_consumers

    async def read(self) -> Iterable[Metric]:
        """Whether each process runs, its state by name, when it started, and how many consumers there are to be."""
        up = GaugeMetricFamily("taskmanager_process_up", "1 while a process runs.", labels=["process"])
        state = GaugeMetricFamily("taskmanager_process_state", "1 for the state it is in.", labels=["process", "state"])
        started = GaugeMetricFamily(
            "taskmanager_process_start_time_seconds", "When it was last started, Unix time.", labels=["process"]
        )
        processes = await asyncio.to_thread(self._processes)
        wanted = self._wanted_consumers()
        for process in wanted_or_running(processes, wanted):
            up.add_metric([process.name], process.state == RUNNING)
            state.add_metric([process.name, process.state], 1)
            started.add_metric([process.name], process.started_at)
        consumers = GaugeMetricFamily("taskmanager_consumers_wanted", "Consumers that there are to be.", wanted)
        return [up, state, started, consumers]
