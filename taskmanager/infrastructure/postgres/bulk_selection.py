"""The tasks of an order as statements find them, a stretch at a time."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from taskmanager.application.bulk_model import Order
from taskmanager.application.task_lists import Position, TaskFilter
from taskmanager.application.use_cases.bulk.ports import Limits, TasksFound
from taskmanager.infrastructure.postgres.planning import by_index
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.rows import Json, loaded_task
from taskmanager.infrastructure.postgres.serialising import array
from taskmanager.infrastructure.postgres.session import Row
from taskmanager.infrastructure.postgres.statements import load_statements

_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_MICROSECOND = timedelta(microseconds=1)
_ASCENDING = {"{direction}": "asc", "{behind}": ">", "{within}": "<"}


class Query(NamedTuple):
    """A statement with its parameters, and how many tasks it finds at most."""

    statement: str
    parameters: dict[str, object]
    limit: int

    def read(self, row: Row) -> tuple[list[Json], Position | None]:
        """What was found, from the oldest on, and where to go on; None where nothing is left."""
        at, task_id, text = row
        found: list[Json] = orjson.loads(text) if text else []
        if len(found) >= self.limit:  # the stretch may hold more of them
            return found, Position(datetime.fromisoformat(found[-1]["created_at"]).astimezone(UTC), found[-1]["id"])
        return found, None if task_id is None else Position(at.astimezone(UTC), task_id)


class PostgresSelectedTasks:
    """Implements `SelectedTasks`; raises what the pool raises."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool

    async def found(self, order: Order, before: datetime, behind: Position | None, limits: Limits) -> TasksFound:
        """See `SelectedTasks.found`."""
        query = found_query("tasks_found", order, before, behind, limits)
        (row,) = await self._pool.fetch(query.statement, query.parameters)
        rows, end = query.read(row)
        return TasksFound([loaded_task(each) for each in rows], end)


def found_query(ending: str, order: Order, before: datetime, behind: Position | None, limits: Limits) -> Query:
    """Finds the next tasks of an order that were made before some moment; `ending` names what it tells of them."""
    wanted, ids = order.wanted(before), order.selection.ids
    statements, walks = load_statements("bulk"), load_statements("task_lists")
    way, ways = _way(wanted, ids)
    walk = statements[way] if way in statements else walks[way]
    for name, word in _ASCENDING.items():
        walk = walk.replace(name, word)
    at, task_id = behind or (_just_before(wanted.created_after), _LAST_ID)
    parameters: dict[str, object] = {
        "at": at,
        "id": task_id,
        "until": wanted.created_before,
        "walk": max(limits.walk // ways, 1),
        "limit": limits.tasks,
        "ids": array(ids),
        "owner": wanted.owner,
        "user_email": wanted.user_email or wanted.owner,
        "host": wanted.host,
        "statuses": array(sorted(wanted.statuses)) if wanted.statuses else None,
        "metadata": orjson.dumps(dict(wanted.metadata)).decode() if wanted.metadata else None,
    }
    statement = f"{statements['found'].replace('{walk}', walk)}\n{statements[ending]}"
    return Query(by_index(statement), parameters, limits.tasks)


def _way(wanted: TaskFilter, ids: tuple[str, ...]) -> tuple[str, int]:
    """Along the index that leaves the least to look at, and how many parts of it at once."""
    if ids:
        return "walk_by_ids", 1
    if wanted.owner is not None or wanted.user_email is not None:
        return "walk_by_user", 1
    if wanted.host is not None:
        return "walk_by_host", 1
    return ("walk_by_status", len(wanted.statuses)) if wanted.statuses else ("walk_by_creation", 1)


def _just_before(moment: datetime | None) -> datetime | str:
    return "-infinity" if moment is None else moment - _MICROSECOND
