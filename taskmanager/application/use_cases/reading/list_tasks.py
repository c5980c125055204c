"""Lists tasks page by page."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from taskmanager.application.task_lists import ListedTask, Position, TaskFilter, TaskLists
from taskmanager.application.use_cases.reading.cursors import Cursors

LIMIT_MAX = 500
# What one page may look at where the filters leave the choice to it: a page that has found little ends all the same.
WALK = 1500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class TaskPage(NamedTuple):
    """Some tasks in order, and how to go on, None after the last."""

    items: Sequence[ListedTask]
    next_cursor: str | None


class ListTasks:
    """Answers pages of tasks; who goes on to the end sees every task that was there all the time exactly once."""

    def __init__(self, lists: TaskLists, cursors: Cursors, *, walk: int = WALK) -> None:
        self._lists = lists
        self._cursors = cursors
        self._walk = walk

    async def __call__(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> TaskPage:
        """The next tasks, `limit` at most; there may be fewer, or none, and still more to come.

        Raises `InvalidValue` for a cursor that is none of this list, or a `StoreError`.
        """
        name = _name(wanted)
        behind = None if cursor is None else _position(await self._cursors.open(cursor, name))
        if wanted.owner is not None and wanted.user_email not in (None, wanted.owner):
            return TaskPage((), None)
        walk = await self._lists.walk(wanted, behind, limit=limit, walk=max(self._walk, limit + 1))
        if walk.end is None:
            return TaskPage(walk.items, None)
        place = ((walk.end.created_at - _EPOCH) // _MICROSECOND, walk.end.id)
        return TaskPage(walk.items, await self._cursors.seal(place, name))


def _name(wanted: TaskFilter) -> object:
    return "tasks", wanted._replace(statuses=sorted(wanted.statuses))  # type: ignore[arg-type]  # in a fixed order


def _position(place: list[int | str]) -> Position:
    microseconds, task_id = place
    return Position(_EPOCH + int(microseconds) * _MICROSECOND, str(task_id))
