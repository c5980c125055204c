"""The event log on PostgreSQL."""

from collections.abc import Sequence

from taskmanager.application.event_log import LoggedEvent, LogWriter
from taskmanager.domain.events import TaskEvent
from taskmanager.infrastructure.postgres.event_rows import event_of
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.statements import load_statements

_PAGE_BYTES = 8 << 20


class PostgresEventLog:
    """Implements `EventLogSource` on a session in autocommit, which should not be the one that holds a leader's lock.

    A server that sends a large page to a frozen client waits for it, and does not count that client as idle: it would
    keep the lock for as long. `page_bytes` bounds the data of a page, roughly.
    """

    def __init__(self, session: Session, *, page_bytes: int = _PAGE_BYTES) -> None:
        self._session = session
        self._page_bytes = page_bytes
        self._statements = load_statements("event_log")

    async def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """See `EventLogSource.read`."""
        raise NotImplementedError

    async def writers(self) -> frozenset[LogWriter]:
        """See `EventLogSource.writers`."""
        raise NotImplementedError


def decode(logged: LoggedEvent) -> TaskEvent:
    """Implements `EventDecoder`."""
    return event_of(logged[1:9])
