"""Old history on PostgreSQL: found, read out whole, and removed."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its class in lower case

from taskmanager.application.use_cases.housekeeping.retention import ArchivedTask, Candidate, Contents
from taskmanager.infrastructure.postgres.errors import translate
from taskmanager.infrastructure.postgres.session import Row
from taskmanager.infrastructure.postgres.statements import load_statements

# Each may hold a large result twice.
_TASKS_AT_A_TIME = 20
_ENOUGH = 1000


class PostgresOldHistory:
    """Implements `OldHistory`; `connect` holds psycopg2's connection arguments.

    It is connected while something is done; during a turn everything is done on the connection that holds the turn.
    """

    def __init__(self, connect: Mapping[str, Any]) -> None:
        self._connect = connect
        self._statements = load_statements("retention")
        self._connection: Connection | None = None
        self._has_turn = False

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """See `OldHistory.turn`."""
        with self._connected() as connection:
            self._has_turn = True
            try:
                yield bool(self._rows(connection, "take_turn")[0][0])
            finally:
                self._has_turn = False

    def is_booked(self, candidate: Candidate) -> bool:
        """See `OldHistory.is_booked`."""
        with self._connected() as connection:
            return bool(self._rows(connection, "is_booked", below=candidate.below)[0][0])

    def candidate(self, cutoff: datetime) -> Candidate | None:
        """See `OldHistory.candidate`."""
        with self._connected() as connection:
            rows = self._rows(connection, "candidate")
            if not rows:
                return None
            low, below, readers, behind, is_filling = rows[0]
            return Candidate(low, below, self._obstacle(connection, below, readers, behind, cutoff, is_filling))

    def count(self, candidate: Candidate) -> int:
        """See `OldHistory.count`."""
        with self._connected() as connection:
            return int(self._rows(connection, "count", below=candidate.below)[0][0])

    @contextmanager
    def tasks(self, candidate: Candidate) -> Iterator[Iterable[ArchivedTask]]:
        """See `OldHistory.tasks`."""
        with self._connected() as connection:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
            try:
                with closing(self._read(connection, candidate)) as tasks:
                    yield tasks
            finally:
                if not connection.closed:
                    connection.rollback()
                    connection.set_session(isolation_level="default", readonly="default", autocommit=True)

    def remove(self, candidate: Candidate, cutoff: datetime, contents: Contents, archive: str) -> None:
        """See `OldHistory.remove`."""
        with self._connected() as connection:
            self._rows(
                connection, "remove", below=candidate.below, cutoff=cutoff, archive=archive, **contents._asdict()
            )

    def cancel(self) -> None:
        """See `OldHistory.cancel`."""
        connection = self._connection
        if connection is not None and not connection.closed:
            with suppress(psycopg2.Error):
                connection.cancel()

    def _obstacle(
        self, connection: Connection, below: int, readers: int, behind: str | None, cutoff: datetime, is_filling: bool
    ) -> str | None:
        part = f"events up to number {below - 1} stay"
        if is_filling:
            return f"{part}: that many have not been recorded yet"
        if not readers:
            return f"{part}: nobody has read them yet, the relay neither"
        if behind:
            return f"{part}: {behind} has not read them yet"
        newest = self._rows(connection, "newest_event", below=below)
        if not newest:
            return None
        if newest[0][0] >= cutoff:
            age = cutoff - newest[0][0]
            return f"{part}: the last is of {newest[0][0]:%Y-%m-%d}, {-age.days} days too young"
        ((count, example),) = self._rows(connection, "unsettled", below=below, newest=newest[0][0], limit=_ENOUGH)
        if count:
            some = f"at least {count:,}" if count == _ENOUGH else f"{count:,}"
            return f"{part}: {some} of their tasks are not settled, such as {example}"
        return None

    def _read(self, connection: Connection, candidate: Candidate) -> Generator[ArchivedTask, None, None]:
        try:
            with connection.cursor(name="tasks") as cursor:
                cursor.itersize = _TASKS_AT_A_TIME
                cursor.execute(self._statements["tasks"], {"below": candidate.below})
                for line, *counts in cursor:
                    # Newlines between the parts of a JSON text mean nothing, and within them there are none.
                    yield ArchivedTask(line.replace("\n", ""), *counts)
        except psycopg2.Error as error:
            raise translate(error) from error

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if self._has_turn and self._connection is not None:
            yield self._connection
            return
        try:
            connection = self._connection = psycopg2.connect(**self._connect)
        except psycopg2.Error as error:
            raise translate(error) from error
        try:
            connection.autocommit = True
            self._rows(connection, "prepare")
            yield connection
        finally:
            self._connection = None
            connection.close()

    def _rows(self, connection: Connection, statement: str, **parameters: object) -> list[Row]:
        try:
            with connection.cursor() as cursor:
                cursor.execute(self._statements[statement], parameters)
                return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            raise translate(error) from error
