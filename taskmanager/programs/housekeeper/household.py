"""What the rules need, composed: the same for the program and for a look by hand."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.ports import Pulse
from taskmanager.application.use_cases.housekeeping.bulk_operations import BulkOperations
from taskmanager.application.use_cases.housekeeping.event_partitions import EventPartitions
from taskmanager.application.use_cases.housekeeping.idempotency_keys import IdempotencyKeys
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestionClock
from taskmanager.application.use_cases.housekeeping.parked_reports import ParkedReports
from taskmanager.application.use_cases.housekeeping.retention import Retention
from taskmanager.application.use_cases.housekeeping.rule import Rule
from taskmanager.application.use_cases.housekeeping.stuck_tasks import StuckTasks
from taskmanager.application.use_cases.housekeeping.task_counters import TaskCounters
from taskmanager.application.use_cases.make_room import MakeRoom
from taskmanager.config.settings import Settings
from taskmanager.domain.lease import Lease, RetryPolicy
from taskmanager.domain.status import TaskStatus
from taskmanager.infrastructure.archive_directory import ArchiveDirectory
from taskmanager.infrastructure.kafka.probe import KafkaProbe
from taskmanager.infrastructure.kafka.topics import TopicsUnavailable
from taskmanager.infrastructure.postgres.housekeeping import (
    PostgresCounters,
    PostgresFinishedOperations,
    PostgresHousekeeping,
    PostgresKeptKeys,
)
from taskmanager.infrastructure.postgres.retention import PostgresOldHistory
from taskmanager.infrastructure.postgres.task_store import PostgresTaskStore
from taskmanager.programs.clock import SystemClock
from taskmanager.programs.factory import ApplicationFactory

RULES = (
    StuckTasks.name,
    ParkedReports.name,
    EventPartitions.name,
    IdempotencyKeys.name,
    BulkOperations.name,
    TaskCounters.name,
    Retention.name,
)


class Household:
    """The rules, the clock that they go by, and the connections that both need; `long_rules` may take minutes."""

    def __init__(
        self,
        factory: ApplicationFactory,
        pulse: Pulse,
        *,
        stopping: Callable[[], bool] = lambda: False,
        settled: Callable[[TaskStatus, Sequence[float]], None] = lambda _status, _seconds: None,
    ) -> None:
        settings = factory.settings
        self._session = factory.session(beat=pulse.beat)
        self._probe = factory.kafka_probe()
        self.clock = SystemClock()
        tables = PostgresHousekeeping(self._session, settings.kafka.source_topics)
        # Writers of several containers may be called the same: they only meet on the counters' rows then.
        store = PostgresTaskStore(self._session, factory.writer, stopping=stopping)
        self.ingestion_clock = IngestionClock(tables, self._ends, self.clock, asyncio.sleep)
        self.rules: Sequence[Rule] = (
            StuckTasks(tables, store, self.clock, _lease(settings), _policy(settings), jitter=_jitter, settled=settled),
            ParkedReports(tables, self.clock, timedelta(seconds=settings.app.parked_status_ttl)),
            EventPartitions(MakeRoom(store, self.clock), tables),
            IdempotencyKeys(PostgresKeptKeys(self._session), self.clock),
            BulkOperations(PostgresFinishedOperations(self._session), self.clock, _kept_operations(settings)),
            TaskCounters(PostgresCounters(self._session), self.clock),
        )
        self.long_rules: Sequence[Rule] = (
            Retention(
                PostgresOldHistory(settings.database.dsn_kwargs(f"{settings.app.name} retention")),
                _archive(settings),
                self.clock,
                days=settings.app.retention_days,
            ),
        )

    async def close(self) -> None:
        """Leaves PostgreSQL and Kafka."""
        await self._probe.close()
        await self._session.close()

    async def _ends(self) -> Mapping[Partition, TopicEnds] | None:
        return await topic_ends(self._probe)


async def topic_ends(probe: KafkaProbe) -> Mapping[Partition, TopicEnds] | None:
    """Where every partition begins and ends, messages of open transactions included; None where Kafka is away."""
    try:
        topics = await probe.describe()
        marks = await probe.watermarks_of(
            [Partition(name, number) for name, topic in topics.items() for number in range(topic.partitions)]
        )
    except TopicsUnavailable:
        return None
    return {partition: TopicEnds(topics[partition.topic].topic_id, *mark) for partition, mark in marks.items()}


def _lease(settings: Settings) -> Lease:
    return Lease(timedelta(seconds=settings.app.task_timeout), timedelta(seconds=settings.app.task_heartbeat_timeout))


def _policy(settings: Settings) -> RetryPolicy:
    app = settings.app
    return RetryPolicy(
        app.task_max_attempts,
        timedelta(seconds=app.task_retry_backoff),
        timedelta(seconds=app.task_retry_backoff_max),
    )


def _kept_operations(settings: Settings) -> timedelta:
    """An operation is also the answer to a request that is sent again."""
    app = settings.app
    return max(timedelta(days=app.bulk_retention_days), timedelta(seconds=app.idempotency_ttl))


def _archive(settings: Settings) -> ArchiveDirectory | None:
    directory = settings.app.retention_archive_dir
    return ArchiveDirectory(Path(directory)) if directory else None


def _jitter() -> float:
    return random.uniform(0.5, 1.5)  # noqa: S311 - spreads attempts, keeps no secret
