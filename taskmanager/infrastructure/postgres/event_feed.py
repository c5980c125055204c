"""The event log on PostgreSQL as clients read it."""

from collections.abc import Collection, Mapping

from taskmanager.application.event_log import LoggedEvent, LogWriter
from taskmanager.application.feed.model import (
    DELETION,
    STATUS_AFTER,
    EventFilter,
    FeedPage,
    TaskFacts,
    feed_event,
    status_after,
)
from taskmanager.application.feed.ports import Run
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.serialising import array
from taskmanager.infrastructure.postgres.session import Row
from taskmanager.infrastructure.postgres.statements import load_statements

_PAGE_BYTES = 4 << 20
_EVENT = 4  # where the columns of the event begin


class PostgresFeedStore:
    """Implements `FeedStore` by statements that stand alone; raises what the pool raises.

    A page ends with the event whose data bring it above `page_bytes`, by a rough count.
    """

    def __init__(self, pool: Reads, *, page_bytes: int = _PAGE_BYTES) -> None:
        self._pool = pool
        self._page_bytes = page_bytes
        self._statements = load_statements("event_feed")
        self._writers = load_statements("event_log")["writers"]

    async def last(self) -> int:
        """See `FeedStore.last`."""
        ((seq,),) = await self._pool.fetch(self._statements["last"])
        return int(seq)

    async def drawn(self) -> int:
        """See `FeedStore.drawn`."""
        ((seq,),) = await self._pool.fetch(self._statements["drawn"])
        return int(seq)

    async def writers(self) -> frozenset[LogWriter]:
        """See `FeedStore.writers`."""
        return frozenset(map(LogWriter._make, await self._pool.fetch(self._writers)))

    async def run(self, after: int, length: int) -> Run:
        """See `FeedStore.run`."""
        (row,) = await self._pool.fetch(self._statements["run"], {"after": after, "length": length})
        return Run(*row)

    async def page(self, wanted: EventFilter, after: int, upto: int, *, limit: int, walk: int) -> FeedPage:
        """See `FeedStore.page`."""
        statement = self._statements["page" if wanted.task_id is None else "page_of_task"]
        positions = {"after": after, "upto": upto, "limit": limit, "walk": walk, "page_bytes": self._page_bytes}
        rows = await self._pool.fetch(statement, {**positions, **_conditions(wanted)})
        events = [_event(row) for row in rows if row[_EVENT] is not None]
        ends, found, *_ = rows[0]
        is_cut = found == limit or len(events) < found
        return FeedPage([feed_event(*event) for event in events], events[-1][0].seq if is_cut else int(ends))

    async def facts(self, task_ids: Collection[str]) -> Mapping[str, TaskFacts]:
        """See `FeedStore.facts`."""
        rows = await self._pool.fetch(self._statements["facts"], {"ids": array(task_ids)})
        return {id_: TaskFacts(user_email, status) for id_, user_email, status in rows}


def _conditions(wanted: EventFilter) -> dict[str, object]:
    statuses = sorted(wanted.statuses) or None
    return {
        "task_id": wanted.task_id,
        "owner": wanted.owner,
        "user_email": wanted.user_email,
        "types": sorted(wanted.types) or None,
        "statuses": statuses,
        "status_types": statuses and [kind for kind, status in STATUS_AFTER.items() if status in statuses],
        "deletion": DELETION,
    }


def _event(row: Row) -> tuple[LoggedEvent, str | None]:
    _, _, user_email, status, *columns = row
    event = LoggedEvent._make(columns)
    return event, status_after(event, None if user_email is None else TaskFacts(user_email, status))
