"""What the rules that go by time ask of a store, in memory."""

from collections.abc import Mapping
from datetime import datetime

from taskmanager.application.commands import InboundMessage, Partition, Reject
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestedPartition
from taskmanager.application.use_cases.housekeeping.parked_reports import Expiry, ParkedStretch
from taskmanager.application.use_cases.housekeeping.stuck_tasks import ExpiredTask, Position, Stretch
from taskmanager.domain.lease import Lease
from tests.fakes.clock import FixedClock
from tests.fakes.task_store import InMemoryTaskStore


class InMemoryHousekeeping:
    """Implements `IngestedOffsets`, `TasksInProgress` and `WaitingReports` on an in-memory store.

    The store does not keep when a report was parked: `note_parked` is to be called after each batch.
    """

    def __init__(self, store: InMemoryTaskStore, clock: FixedClock) -> None:
        self._store = store
        self._clock = clock
        self._parked_at: dict[int, datetime] = {}

    def note_parked(self) -> None:
        """Reports that were not there before have been parked just now."""
        for parked in self._store.contents.parked:
            self._parked_at.setdefault(parked.id, self._clock.now())

    async def ingested(self) -> Mapping[Partition, IngestedPartition]:
        """See `IngestedOffsets.ingested`."""
        return {
            partition: IngestedPartition(row.topic_id, row.next_offset, row.ingested_at)
            for partition, row in self._store.contents.offsets.items()
        }

    async def expired(self, lease: Lease, time: datetime, after: Position | None, limit: int) -> Stretch:
        """See `TasksInProgress.expired`."""
        places = sorted(
            (task.created_at, str(task.id))
            for task in self._store.contents.tasks.values()
            if task.is_in_progress and task.created_at <= time - lease.heartbeat_timeout
        )
        looked_at = [place for place in places if after is None or place > after][:limit]
        tasks = [self._store.contents.tasks[task_id] for _, task_id in looked_at]
        return Stretch(
            looked_at[-1] if len(looked_at) == limit else None,
            [ExpiredTask(task.id, task.attempt) for task in tasks if lease.ends_at(task) <= time],
        )

    async def next_expiry(self, lease: Lease) -> datetime | None:
        """See `TasksInProgress.next_expiry`."""
        tasks = self._store.contents.tasks.values()
        return min((lease.ends_at(task) for task in tasks if task.is_in_progress), default=None)

    async def expire(self, expiry: Expiry, now: datetime, after: int, limit: int) -> ParkedStretch:
        """See `WaitingReports.expire`."""
        self._store.before("expire")
        contents = self._store.contents
        stretch = [parked for parked in contents.parked if parked.id > after][:limit]
        old = [parked for parked in stretch if self._parked_at[parked.id] <= expiry.parked_until]
        gone = [parked for parked in old if parked.report.id not in contents.tasks]
        contents.parked = [parked for parked in contents.parked if parked not in gone]
        for parked in gone:
            source = parked.report.source
            assert isinstance(source, InboundMessage)
            contents.dead.append((source, Reject(expiry.reason, expiry.detail, parked.report.id)))
        is_full = len(stretch) == limit and len(old) == len(stretch)
        return ParkedStretch(stretch[-1].id if is_full else None, len(gone))

    async def count_expired(self, expiry: Expiry) -> int:
        """See `WaitingReports.count_expired`."""
        contents = self._store.contents
        return sum(
            self._parked_at[parked.id] <= expiry.parked_until and parked.report.id not in contents.tasks
            for parked in contents.parked
        )

    async def oldest(self) -> datetime | None:
        """See `WaitingReports.oldest`."""
        return min((self._parked_at[parked.id] for parked in self._store.contents.parked), default=None)
