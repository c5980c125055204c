"""Lists tasks from PostgreSQL."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from taskmanager.application.task_lists import Position, TaskFilter, Walk
from taskmanager.infrastructure.postgres.planning import by_index
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.serialising import array
from taskmanager.infrastructure.postgres.statements import load_statements
from taskmanager.infrastructure.postgres.task_views import listed_task

_PAGE_BYTES = 2 << 20
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_MICROSECOND = timedelta(microseconds=1)
_WALKS = ("walk_by_creation", "walk_by_user", "walk_by_host", "walk_by_status")
_DESCENDING = {"{direction}": "desc", "{behind}": "<", "{within}": ">=", "{upto}": ">="}
_ASCENDING = {"{direction}": "asc", "{behind}": ">", "{within}": "<", "{upto}": "<="}
# Of tasks in a row so many may have been deleted before a page gets shorter than it could be.
_DELETED_SHARE = 5
_SPARE = 10
_TASK = 4  # where the columns of the task begin


class _Range(NamedTuple):
    """A part of the order of a list, both ends left out but for the far end of a descending one."""

    at: datetime | str
    id: str
    until: datetime | str


class PostgresTaskLists:
    """Implements `TaskLists` and `CursorKeys` by statements that stand alone; raises what the pool raises.

    A page ends with the task whose texts bring it above `page_bytes`, by a rough count.
    """

    def __init__(self, pool: Reads, *, page_bytes: int = _PAGE_BYTES) -> None:
        self._pool = pool
        self._page_bytes = page_bytes
        statements = load_statements("task_lists")
        self._cursor_key = statements["cursor_key"]
        self._pages = {
            (name, newest_first): _composed(statements, name, _DESCENDING if newest_first else _ASCENDING)
            for name in _WALKS
            for newest_first in (True, False)
        }

    async def walk(self, wanted: TaskFilter, behind: Position | None, *, limit: int, walk: int) -> Walk:
        """See `TaskLists.walk`."""
        way = _way(wanted)
        parameters = {
            # One more than is answered tells whether that is all.
            "limit": limit + 1,
            "walk": _length(wanted, way, limit, walk),
            "page_bytes": self._page_bytes,
            **_range(wanted, behind)._asdict(),
            **_conditions(wanted),
        }
        rows = await self._pool.fetch(self._pages[way, wanted.newest_first], parameters)
        items = [listed_task(row[_TASK:], has_result=row[3]) for row in rows[:limit] if row[_TASK] is not None]
        at, id_, found, *_ = rows[0]
        if len(items) < found:
            return Walk(items, Position(items[-1].created_at, items[-1].id))
        return Walk(items, None if id_ is None else Position(at.astimezone(UTC), id_))

    async def cursor_key(self) -> bytes:
        """See `CursorKeys.cursor_key`."""
        ((key,),) = await self._pool.fetch(self._cursor_key)
        return bytes(key)


def _composed(statements: Mapping[str, str], walk: str, words: Mapping[str, str]) -> str:
    page = statements["page"].replace("{walk}", statements[walk])
    for name, word in words.items():
        page = page.replace(name, word)
    return by_index(page)


def _way(wanted: TaskFilter) -> str:
    """Along the index that leaves the least to look at: a user has fewer tasks than a host, a host than a status."""
    if wanted.owner is not None or wanted.user_email is not None:
        return "walk_by_user"
    if wanted.host is not None:
        return "walk_by_host"
    return "walk_by_status" if wanted.statuses else "walk_by_creation"


def _length(wanted: TaskFilter, way: str, limit: int, walk: int) -> int:
    """How far to go along each way: not far where whatever lies on it is wanted unless it was deleted."""
    is_wanted = not (wanted.text or wanted.metadata) and (
        way in ("walk_by_creation", "walk_by_status")
        or not (wanted.statuses or (way == "walk_by_user" and wanted.host))
    )
    if is_wanted:
        return min(limit + limit // _DELETED_SHARE + _SPARE, walk)
    return max(walk // len(wanted.statuses), 1) if way == "walk_by_status" else walk


def _range(wanted: TaskFilter, behind: Position | None) -> _Range:
    after, before = wanted.created_after, wanted.created_before
    if wanted.newest_first:
        at, id_ = behind or (before or "infinity", _FIRST_ID)
        return _Range(at, id_, after or "-infinity")
    at, id_ = behind or (_just_before(after), _LAST_ID)
    return _Range(at, id_, before or "infinity")


def _just_before(moment: datetime | None) -> datetime | str:
    try:
        return "-infinity" if moment is None else moment - _MICROSECOND
    except OverflowError:
        return "-infinity"


def _conditions(wanted: TaskFilter) -> dict[str, object]:
    return {
        "owner": wanted.owner,
        "user_email": wanted.owner if wanted.user_email is None else wanted.user_email,
        "host": wanted.host,
        "statuses": array(sorted(wanted.statuses)) if wanted.statuses else None,
        "metadata": orjson.dumps(dict(wanted.metadata)).decode() if wanted.metadata else None,
        "text": wanted.text,
    }
