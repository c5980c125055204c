"""Consumers, rules and the checker on one database."""

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta

import psycopg2

from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.parked_reports import ParkedReports
from taskmanager.application.use_cases.housekeeping.stuck_tasks import StuckTasks
from taskmanager.application.use_cases.ingest_batch import IngestBatch
from taskmanager.application.use_cases.verify_history import Verification, VerifyHistory
from taskmanager.application.verification.findings import Findings
from taskmanager.domain.lease import Lease, RetryPolicy
from taskmanager.infrastructure.postgres.history import PostgresHistory
from taskmanager.infrastructure.postgres.housekeeping import PostgresHousekeeping, PostgresKeptKeys
from taskmanager.infrastructure.postgres.offset_store import PostgresOffsetStore
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.task_store import PostgresTaskStore
from tests.fakes.batches import batch_of, first_offsets, partition_of
from tests.fakes.clock import FixedClock
from tests.fakes.messages import REQUESTS, STATUSES
from tests.scratch import ScratchDatabase

LEASE = Lease(timedelta(hours=1), timedelta(minutes=5))
POLICY = RetryPolicy(3, timedelta(seconds=10), timedelta(minutes=10))
TTL = timedelta(minutes=10)


class Home:
    """Everything that is done is done at the time of `clock`, a minute after noon at first."""

    def __init__(self, database: ScratchDatabase, consumer: Session, housekeeper: Session) -> None:
        self.database = database
        self.clock = FixedClock()
        self.consumer_store = PostgresTaskStore(consumer, "0-consumer-00")
        self.store = PostgresTaskStore(housekeeper, "0-housekeeper")
        self.tables = PostgresHousekeeping(housekeeper, (REQUESTS, STATUSES))
        self.keys = PostgresKeptKeys(housekeeper)
        self.session = housekeeper
        self._ingest = IngestBatch(self.consumer_store, self.clock)
        self._offsets = PostgresOffsetStore(consumer)
        self._next: dict[Partition, int] = {}

    async def receive(self, *messages: InboundMessage) -> None:
        """Ingests messages as one batch; each comes behind the last of its partition."""
        sent = []
        for message in messages:
            place = partition_of(message)
            offset = self._next.get(place, 0)
            self._next[place] = offset + 1
            sent.append(message._replace(offset=offset))
        await self._offsets.register(first_offsets(sent))
        await self._ingest.write(self._ingest.prepare(batch_of(sent)))

    @property
    def reading(self) -> Reading:
        """The clock when everything has been read."""
        return Reading(self.clock.now(), self.clock.now())

    def stuck_tasks(self, policy: RetryPolicy = POLICY) -> StuckTasks:
        """The rule, without jitter."""
        return StuckTasks(self.tables, self.store, self.clock, LEASE, policy, jitter=lambda: 1.0)

    def parked_reports(self) -> ParkedReports:
        """The rule."""
        return ParkedReports(self.tables, self.clock, TTL)

    def states(self) -> list[tuple[str, int, int]]:
        """Status, attempt and version of each task by id."""
        return self.database.run("select status::text, attempt, version from web_crawl_tasks order by id")

    def events(self, task: str) -> Sequence[tuple[str, str | None]]:
        """Type and actor of a task's events."""
        return self.database.run("select type, actor from task_events where task_id = %s order by version", (task,))

    def somebody_waits_for_a_lock(self) -> bool:
        """Whether a transaction waits for another one."""
        waiting = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        return bool(self.database.run(waiting, role="superuser"))

    def verify(self) -> Verification:
        """What the checker says of the whole history, which must be that all is well."""
        verification = self._check()
        assert verification.findings.totals == {}
        return verification

    def findings(self) -> Findings:
        """What the checker finds wrong."""
        return self._check().findings

    def _check(self) -> Verification:
        with closing(psycopg2.connect(self.database.dsn("app"))) as connection:
            return VerifyHistory(PostgresHistory(connection), lambda: None, lambda words: None)()
