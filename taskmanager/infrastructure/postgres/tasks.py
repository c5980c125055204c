"""Looks tasks up in PostgreSQL."""

from taskmanager.application.read_model import TaskView
from taskmanager.domain.values import TaskId, UserEmail
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.statements import load_statements
from taskmanager.infrastructure.postgres.task_views import task_view


class PostgresTaskReader:
    """Reads single tasks; raises what the pool raises."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool
        self._find = load_statements("tasks")["find"]

    async def find(self, task_id: TaskId, owner: UserEmail | None = None) -> TaskView | None:
        """See `TaskReader.find`."""
        rows = await self._pool.fetch(self._find, {"id": str(task_id), "owner": owner})
        return task_view(rows[0]) if rows else None
