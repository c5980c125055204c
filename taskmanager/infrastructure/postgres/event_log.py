"""The event log on PostgreSQL."""

from collections.abc import Sequence

from taskmanager.application.event_log import LoggedEvent, LogWriter
from taskmanager.domain.events import TaskEvent
from taskmanager.infrastructure.postgres.event_rows import event_of
from taskmanager.infrastructure.postgres.session import Row, Script, Session
from taskmanager.infrastructure.postgres.statements import load_statements

_PAGE_BYTES = 8 << 20


class PostgresEventLog:
    """Implements `EventLogSource` on a session, which should not be the one that holds a leader's lock.

    A server that sends a large page to a frozen client waits for it and does not count it as idle: it would keep the
    lock for as long. A page ends with the event whose data bring it above `page_bytes`, by a rough count.
    """

    def __init__(self, session: Session, *, page_bytes: int = _PAGE_BYTES) -> None:
        self._session = session
        self._page_bytes = page_bytes
        self._statements = load_statements("event_log")

    async def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """See `EventLogSource.read`."""
        parameters = {"after": after, "limit": limit, "page_bytes": self._page_bytes}

        def read(script: Script) -> list[LoggedEvent]:
            return list(map(LoggedEvent._make, script.execute(self._statements["read"], parameters)))

        return await self._session.run(read)

    async def writers(self) -> frozenset[LogWriter]:
        """See `EventLogSource.writers`."""
        return frozenset(map(LogWriter._make, await self._session.execute(self._statements["writers"])))


def decode(logged: LoggedEvent) -> TaskEvent:
    """Implements `EventDecoder`."""
    row: Row = logged
    return event_of(row[1:9])
