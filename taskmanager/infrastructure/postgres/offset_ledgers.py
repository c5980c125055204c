"""The ledgers of the partitions, for operators."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import orjson
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its class in lower case

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import Partition
from taskmanager.application.ports import StoredOffset
from taskmanager.application.use_cases.reset_offsets import ArchivedHistory, MovedMeanwhile, Reset
from taskmanager.application.use_cases.show_offsets import StoredLedger
from taskmanager.application.verification.ledger import StoredProgress
from taskmanager.infrastructure.postgres.errors import translate
from taskmanager.infrastructure.postgres.rows import dumps
from taskmanager.infrastructure.postgres.session import Row
from taskmanager.infrastructure.postgres.statements import load_statements


class PostgresOffsetLedgers:
    """Implements `OffsetWriter` on a connection that is used for nothing else; `operator` signs what is put away."""

    def __init__(self, connection: Connection, operator: str) -> None:
        self._connection = connection
        self._operator = operator
        self._statements = load_statements("offsets")

    def read(self) -> Mapping[Partition, StoredLedger]:
        """Every partition that was ever read; raises a `StoreError`."""
        with self._transaction():
            rows = self._rows("ledgers", {})
        return {
            Partition(topic, partition): StoredLedger(
                StoredProgress(topic_id, first, after, {Outcome(name): n for name, n in orjson.loads(counts).items()}),
                ingested_at,
                retired,
            )
            for topic, partition, topic_id, first, after, counts, ingested_at, retired in rows
        }

    def archived(self) -> Mapping[Partition, ArchivedHistory]:
        """What retention has removed, of every partition of which it has; raises a `StoreError`."""
        with self._transaction():
            rows = self._rows("archived", {})
        return {Partition(topic, number): ArchivedHistory(*counts) for topic, number, *counts in rows}

    @contextmanager
    def locked(self, partitions: Sequence[Partition]) -> Iterator[Mapping[Partition, StoredOffset]]:
        """See `OffsetWriter.locked`."""
        with self._transaction():
            rows = self._rows("lock", {"partitions": dumps([p._asdict() for p in partitions])})
            yield {Partition(topic, number): StoredOffset(topic_id, at) for topic, number, topic_id, at in rows}

    def begin(self, resets: Sequence[Reset]) -> None:
        """See `OffsetWriter.begin`."""
        made = self._run("register", [_place(reset) | {"first_offset": reset.offset} for reset in resets])
        if made != len(resets):
            raise MovedMeanwhile

    def skip(self, resets: Sequence[Reset]) -> None:
        """See `OffsetWriter.skip`."""
        self._run("skip", [_place(reset) for reset in resets])

    def retire(self, resets: Sequence[Reset]) -> None:
        """See `OffsetWriter.retire`."""
        self._run("retire", [_place(reset) | {"why": str(reset)} for reset in resets])
        self._run("begin_anew", [_place(reset) for reset in resets])

    def _run(self, name: str, rows: Sequence[Mapping[str, object]]) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(self._statements[name], {"partitions": dumps(rows), "retired_by": self._operator})
            return cursor.rowcount

    def _rows(self, name: str, parameters: Mapping[str, object]) -> list[Row]:
        with self._connection.cursor() as cursor:
            cursor.execute(self._statements[name], parameters)
            return cursor.fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._connection:
                yield
        except psycopg2.Error as error:
            raise translate(error) from error


def _place(reset: Reset) -> dict[str, object]:
    return {
        "topic": reset.partition.topic,
        "partition": reset.partition.partition,
        "topic_id": reset.topic_id,
        "next_offset": reset.offset,
    }
