"""Builds what several programs share from the settings."""

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from taskmanager.config.settings import Settings
from taskmanager.infrastructure.consumer_count import FILE_NAME, ConsumerCount
from taskmanager.infrastructure.kafka.probe import KafkaProbe
from taskmanager.infrastructure.metrics import multiprocess
from taskmanager.infrastructure.metrics.exposition import Exposition, Source
from taskmanager.infrastructure.metrics.sources import (
    FilesSource,
    LagSource,
    RegistrySource,
    SupervisorSource,
    TasksSource,
)
from taskmanager.infrastructure.postgres.loop_session import LoopSession
from taskmanager.infrastructure.postgres.metrics import PostgresFigures
from taskmanager.infrastructure.postgres.pool import ReadPool, Reads
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.pulse import DIRECTORY, Pulse
from taskmanager.infrastructure.resilience.protected import ProtectedReads
from taskmanager.infrastructure.supervisor import Supervisor
from taskmanager.programs.breakers import Breakers

# A scrape gives up after 10 s by default; a source that does not answer must not cost the whole page.
_SOURCE_SECONDS = 3.0
# Above the server's own limits, so that it is the server that ends a slow statement wherever it still can.
_STATEMENT_MARGIN_SECONDS = 2.0
_SESSION_MARGIN_SECONDS = 5.0
_PROBE_SHARE = 0.9


class ApplicationFactory:
    """Makes the parts of one process; `slot` is its name within the container, such as `consumer-00`."""

    def __init__(self, settings: Settings, slot: str) -> None:
        self.settings = settings
        self.slot = slot
        self.registry = CollectorRegistry()

    @property
    def writer(self) -> str:
        """This process's name, unique among all writers of all containers."""
        return f"{self.settings.app.pod_ordinal}-{self.slot}"

    def share_metrics(self) -> None:
        """Lets the instruments created from now on be read by the other processes; does nothing for one alone."""
        directory = self.settings.observability.prometheus_multiproc_dir
        if directory and self.settings.observability.metrics_enabled:
            multiprocess.enable(self.slot, Path(directory))

    @cached_property
    def breakers(self) -> Breakers:
        """The circuit breakers of this process; to be asked for after `share_metrics`."""
        return Breakers(self.settings, self.registry)

    def read_pool(self, *, size: int | None = None) -> Reads:
        """Connections for statements that stand alone, behind the breaker; none is opened yet."""
        database = self.settings.database
        pool = ReadPool(
            self._connect(self.slot),
            size=size or database.max_connections,
            wait_timeout=database.connection_timeout,
            statement_timeout=database.query_timeout + _STATEMENT_MARGIN_SECONDS,
            idle_timeout=database.idle_timeout,
        )
        return ProtectedReads(pool, self.breakers.database)

    def session(
        self, name: str | None = None, *, options: str = "", beat: Callable[[], None] = lambda: None
    ) -> Session:
        """A connection that the server knows by this name, the slot's by default; not opened yet.

        `options` are further settings of the server, `beat` is told of every call.
        """
        connect = self._connect(name or self.slot)
        options = f"{connect['options']} {options}".rstrip()
        return Session({**connect, "options": options}, timeout=self._session_timeout, beat=beat)

    def loop_session(self, name: str) -> LoopSession:
        """The same without a thread, for work of one round trip."""
        return LoopSession(self._connect(name), timeout=self._session_timeout)

    def kafka_probe(self) -> KafkaProbe:
        """Asks Kafka about the two source topics, behind the breaker; nothing is connected yet."""
        kafka = self.settings.kafka
        return KafkaProbe(
            kafka.client_properties(self.slot),
            kafka.source_topics,
            # Less than a health check waits: one that gave up first would leave the breaker nothing to count.
            timeout=self.settings.rest.health_check_timeout_ms / 1000 * _PROBE_SHARE,
            admission=self.breakers.kafka.admission,
        )

    def consumer_count(self) -> ConsumerCount:
        """How many consumers this container is to have: what bin/scale asked for, else CONSUMER_PROCESSES."""
        directory = os.environ.get("TASKMANAGER_RUN_DIR")  # bin/entrypoint tells its programs where it keeps its files
        path = Path(directory) / FILE_NAME if directory else None
        return ConsumerCount(path, self.settings.app.consumer_processes)

    def pulse(self) -> Pulse:
        """The process's sign of life, which the guard watches; goes nowhere outside of bin/entrypoint."""
        directory = os.environ.get("TASKMANAGER_RUN_DIR")
        return Pulse(Path(directory) / DIRECTORY / self.slot if directory else None)

    def exposition(self, figures: PostgresFigures, probe: KafkaProbe) -> Exposition:
        """The page of all metrics of this container."""
        return Exposition(
            [*self._local_sources(), TasksSource(figures.by_status), LagSource(probe.watermarks, figures.next_offsets)],
            cache_seconds=self.settings.observability.metrics_cache_ms / 1000,
            timeout_seconds=_SOURCE_SECONDS,
        )

    def supervisor(self) -> Supervisor | None:
        """The supervisord that this process runs under, if it does."""
        url = os.environ.get("SUPERVISOR_SERVER_URL")  # supervisord tells its programs where it listens
        return Supervisor(url, timeout=_SOURCE_SECONDS) if url else None

    def _local_sources(self) -> list[Source]:
        sources: list[Source] = []
        if directory := self.settings.observability.prometheus_multiproc_dir:
            sources.append(FilesSource(Path(directory)))
        else:
            sources.append(RegistrySource(self.registry))
        if supervisor := self.supervisor():
            sources.append(SupervisorSource(supervisor.processes, self.consumer_count().read))
        return sources

    def _connect(self, name: str) -> dict[str, Any]:
        return self.settings.database.dsn_kwargs(f"{self.settings.app.name} {name}")

    @property
    def _session_timeout(self) -> float:
        database = self.settings.database
        return database.query_timeout + database.connection_timeout + _SESSION_MARGIN_SECONDS
