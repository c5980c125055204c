"""What the REST program finds of itself and of what it depends on."""

import asyncio
import time
from collections.abc import Callable, Mapping

from taskmanager.api.health.controller import HealthController, ServiceState
from taskmanager.application.lag import lag_by_partition
from taskmanager.application.use_cases.health import Check, HealthChecks
from taskmanager.infrastructure.kafka.probe import KafkaProbe
from taskmanager.infrastructure.postgres.metrics import DatabaseCheck, PostgresFigures
from taskmanager.infrastructure.postgres.pool import PoolUsage, Reads
from taskmanager.infrastructure.supervisor import Supervisor, wanted_or_running
from taskmanager.programs.factory import ApplicationFactory


class ServiceHealth:
    """The checks, which use `pool`, and who answers with them.

    `pool_usage` tells of the connections that requests use, `connections` of those of the clients.
    """

    def __init__(
        self,
        factory: ApplicationFactory,
        pool: Reads,
        probe: KafkaProbe,
        pool_usage: Callable[[], PoolUsage],
        connections: Callable[[], Mapping[str, object]],
        is_overloaded: Callable[[], bool] = lambda: False,
    ) -> None:
        settings = factory.settings
        self._timeout = settings.rest.health_check_timeout_ms / 1000
        self._cache = settings.rest.health_check_cache_ms / 1000
        self.state = ServiceState(settings.app.name, settings.app.version, time.monotonic())
        self.checks = self._cached({"database": DatabaseCheck(pool), "kafka": probe})
        details: dict[str, Check] = {
            "pool": _told(lambda: pool_usage()._asdict()),
            "connections": _told(connections),
            "lag": _lag(probe, PostgresFigures(pool)),
        }
        if supervisor := factory.supervisor():
            details["processes"] = _processes(supervisor, factory.consumer_count().read)
        self.controller = HealthController(
            self.checks,
            self.state,
            factory.breakers.states,
            details=self._cached(details),
            is_overloaded=is_overloaded,
        )

    def _cached(self, checks: Mapping[str, Check]) -> HealthChecks:
        return HealthChecks(checks, timeout_seconds=self._timeout, cache_seconds=self._cache)


def _told(figures: Callable[[], Mapping[str, object]]) -> Check:
    async def told() -> Mapping[str, object]:
        return figures()

    return told


def _lag(probe: KafkaProbe, figures: PostgresFigures) -> Check:
    async def lag() -> Mapping[str, object]:
        watermarks, next_offsets = await asyncio.gather(probe.watermarks(), figures.next_offsets())
        topics: dict[str, dict[str, int]] = {}
        for (topic, partition), messages in lag_by_partition(watermarks, next_offsets).items():
            topics.setdefault(topic, {})[str(partition)] = messages
        return topics

    return lag


def _processes(supervisor: Supervisor, wanted_consumers: Callable[[], int]) -> Check:
    async def processes() -> Mapping[str, object]:
        found = await asyncio.to_thread(supervisor.processes)
        return {process.name: process.state for process in wanted_or_running(found, wanted_consumers())}

    return processes
