"""What the rules that go by time ask of PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from taskmanager.application.commands import Partition
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestedPartition
from taskmanager.application.use_cases.housekeeping.parked_reports import Expiry, ParkedStretch
from taskmanager.application.use_cases.housekeeping.stuck_tasks import ExpiredTask, Position, Stretch
from taskmanager.domain.lease import Lease
from taskmanager.infrastructure.postgres.session import Script, Session
from taskmanager.infrastructure.postgres.statements import load_statements


class _Tables:
    """The statements of the rules on one connection."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = load_statements("housekeeping")

    async def _value(self, statement: str, **parameters: object) -> Any:
        ((value,),) = await self._session.execute(self._statements[statement], parameters)
        return value


class PostgresHousekeeping(_Tables):
    """Implements `IngestedOffsets`, `TasksInProgress`, `WaitingReports` and `RoomAhead`.

    `topics` are the source topics; those of former settings count no more.
    """

    def __init__(self, session: Session, topics: Sequence[str]) -> None:
        super().__init__(session)
        self._topics = list(topics)

    async def ingested(self) -> Mapping[Partition, IngestedPartition]:
        """See `IngestedOffsets.ingested`."""
        rows = await self._session.execute(self._statements["ingested"], {"topics": self._topics})
        return {Partition(topic, partition): IngestedPartition(*row) for topic, partition, *row in rows}

    async def expired(self, lease: Lease, time: datetime, after: Position | None, limit: int) -> Stretch:
        """See `TasksInProgress.expired`."""
        created, task_id = after or (None, None)
        rows = await self._session.execute(
            self._statements["expired_leases"],
            {**_limits(lease), "time": time, "after_created": created, "after_id": task_id, "limit": limit},
        )
        looked_at = rows[0][4] if rows else 0
        last = max((row[1], row[0]) for row in rows) if looked_at == limit else None
        return Stretch(last, [ExpiredTask(row[0], row[2]) for row in rows if row[3]])

    async def next_expiry(self, lease: Lease) -> datetime | None:
        """See `TasksInProgress.next_expiry`."""
        end: datetime | None = await self._value("next_lease_end", **_limits(lease))
        return end

    async def expire(self, expiry: Expiry, now: datetime, after: int, limit: int) -> ParkedStretch:
        """See `WaitingReports.expire`."""
        ((last, looked_at, all_old, expired),) = await self._session.execute(
            self._statements["expire_parked"],
            {
                "parked_until": expiry.parked_until,
                "reason": expiry.reason.value,
                "detail": expiry.detail,
                "now": now,
                "after": after,
                "limit": limit,
            },
        )
        # They come in the order in which they were parked: behind one that is young there are none that are old.
        return ParkedStretch(last if looked_at == limit and all_old else None, expired)

    async def count_expired(self, expiry: Expiry) -> int:
        """See `WaitingReports.count_expired`."""
        return int(await self._value("count_expired_parked", parked_until=expiry.parked_until) or 0)

    async def oldest(self) -> datetime | None:
        """See `WaitingReports.oldest`."""
        oldest: datetime | None = await self._value("oldest_parked")
        return oldest

    async def missing_partitions(self) -> int:
        """See `RoomAhead.missing_partitions`."""
        return await self._session.run(self._make_and_undo)

    def _make_and_undo(self, script: Script) -> int:
        script.execute("begin")
        try:
            ((made,),) = script.execute(self._statements["missing_partitions"])
            return int(made)
        finally:
            script.execute("rollback")


class PostgresKeptKeys(_Tables):
    """Implements `KeptKeys`."""

    async def delete_expired(self, now: datetime, limit: int) -> int:
        """See `KeptKeys.delete_expired`."""
        return int(await self._value("delete_expired_keys", now=now, limit=limit))

    async def count_expired(self, now: datetime) -> int:
        """See `KeptKeys.count_expired`."""
        return int(await self._value("count_expired_keys", now=now))

    async def next_expiry(self) -> datetime | None:
        """See `KeptKeys.next_expiry`."""
        expiry: datetime | None = await self._value("next_key_expiry")
        return expiry


class PostgresFinishedOperations(_Tables):
    """Implements `FinishedOperations`."""

    async def delete_finished(self, before: datetime, limit: int) -> int:
        """See `FinishedOperations.delete_finished`."""
        return int(await self._value("delete_finished_operations", before=before, limit=limit))

    async def count_finished(self, before: datetime) -> int:
        """See `FinishedOperations.count_finished`."""
        return int(await self._value("count_finished_operations", before=before))

    async def oldest_finished(self) -> datetime | None:
        """See `FinishedOperations.oldest_finished`."""
        oldest: datetime | None = await self._value("oldest_finished_operation")
        return oldest


class PostgresCounters(_Tables):
    """Implements `Counters`."""

    async def fold(self, before: datetime, limit: int) -> int:
        """See `Counters.fold`."""
        return int(await self._value("fold_counters", before=before, limit=limit))

    async def count_unfolded(self, before: datetime) -> int:
        """See `Counters.count_unfolded`."""
        return int(await self._value("count_unfolded_counters", before=before))


def _limits(lease: Lease) -> dict[str, timedelta]:
    return {"timeout": lease.timeout, "heartbeat_timeout": lease.heartbeat_timeout}
