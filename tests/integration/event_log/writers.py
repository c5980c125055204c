"""Transactions that append to the log of a real server."""

from collections.abc import Sequence
from io import StringIO
from uuid import uuid4

from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its class in lower case

from taskmanager.application.event_log import HighWaterReader

_INSERT = """insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at)
    values (gen_random_uuid(), 1, 'TaskStarted', 1, now(), now()) returning seq"""
_COPY = "copy task_events (task_id, version, type, attempt, occurred_at, recorded_at) from stdin"
_LINE = "{task}\t1\tTaskStarted\t1\t2026-01-01T00:00:00Z\t2026-01-01T00:00:00Z\n"


class Writer:
    """One connection in one transaction after the other."""

    def __init__(self, connection: Connection) -> None:
        self.drawn: list[int] = []
        self._connection = connection
        self._prepared: str | None = None

    def run(self, statement: str) -> None:
        """Runs a statement in the transaction."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def append(self) -> int:
        """Inserts one event; its number, which nobody else sees before the commit."""
        with self._connection.cursor() as cursor:
            cursor.execute(_INSERT)
            ((seq,),) = cursor.fetchall()
        self.drawn.append(seq)
        return int(seq)

    def copy(self, count: int) -> None:
        """Copies so many events."""
        with self._connection.cursor() as cursor:
            cursor.copy_expert(_COPY, StringIO("".join(_LINE.format(task=uuid4()) for _ in range(count))))

    def prepare(self) -> None:
        """Detaches the transaction from the connection, which then only serves to end it."""
        self._prepared = f"test {uuid4()}"
        self.run(f"prepare transaction '{self._prepared}'")
        self._connection.rollback()  # the driver has not understood
        self._connection.autocommit = True

    def commit(self) -> list[int]:
        """Commits; the numbers that this makes visible."""
        drawn = self.drawn
        self._end("commit")
        return drawn

    def roll_back(self) -> None:
        """Undoes the transaction."""
        self._end("rollback")

    def _end(self, how: str) -> None:
        self.drawn = []
        if self._prepared is not None:
            self.run(f"{how} prepared '{self._prepared}'")
            self._prepared = None
            self._connection.autocommit = False
        elif how == "commit":
            self._connection.commit()
        else:
            self._connection.rollback()


async def seqs(reader: HighWaterReader) -> Sequence[int]:
    """The numbers of the next events."""
    return [event.seq for event in await reader.next()]
