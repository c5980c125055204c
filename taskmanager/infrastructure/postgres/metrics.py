"""Figures from PostgreSQL."""

from collections.abc import Mapping

from taskmanager.application.commands import Partition
from taskmanager.application.ports import StoreUnavailable
from taskmanager.domain.status import TaskStatus
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.statements import load_statements

# In the order of the columns of get_web_crawl_metrics.
_COLUMNS = (TaskStatus.NEW, TaskStatus.IN_PROGRESS, TaskStatus.COMPLETED, TaskStatus.ERROR, TaskStatus.CANCELLED)


class PostgresFigures:
    """Counts tasks and offsets; raises what the pool raises."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool
        self._statements = load_statements("metrics")

    async def by_status(self) -> Mapping[str, int]:
        """All tasks by status."""
        statuses = [status.value for status in TaskStatus]
        return dict(await self._pool.fetch(self._statements["tasks_by_status"], {"statuses": statuses}))

    async def created_within(self, hours: float) -> Mapping[str, int]:
        """Tasks created in the last `hours` by their present status."""
        (row,) = await self._pool.fetch(self._statements["created_within"], {"hours": hours})
        return dict(zip((status.value for status in _COLUMNS), row, strict=True))

    async def next_offsets(self) -> Mapping[Partition, int]:
        """Where the consumers will go on, by topic and partition."""
        rows = await self._pool.fetch(self._statements["next_offsets"])
        return {Partition(topic, partition): offset for topic, partition, offset in rows}


class DatabaseCheck:
    """Finds out whether the database can serve the programs."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool
        self._check = load_statements("health")["check"]

    async def __call__(self) -> Mapping[str, object]:
        """Answers the server's version; raises a `StoreError` that says what is wrong and what to do."""
        ((version, is_standby, is_migrated),) = await self._pool.fetch(self._check)
        if is_standby:
            raise StoreUnavailable("the server is a standby and takes no writes; point POSTGRES_HOST at the primary")
        if not is_migrated:
            raise StoreUnavailable("the tables are missing; run: taskmanager migrate")
        return {"version": version}
