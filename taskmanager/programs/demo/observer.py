"""Looks at the database and the topics while the appliance works."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg2
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from taskmanager.application.verification.ledger import PartitionLedger
from taskmanager.infrastructure.postgres.history import PostgresHistory
from taskmanager.infrastructure.postgres.statements import load_statements
from taskmanager.programs.demo.accounting import Totals
from taskmanager.programs.demo.progress import Partition, Progress

_SECONDS = 15.0


class Observer:
    """Reads figures with a connection of its own; use it from one thread at a time."""

    def __init__(self, dsn: str, brokers: str, topics: Mapping[str, int]) -> None:
        self._dsn = dsn
        self._topics = topics
        self._statements = load_statements("demo")
        self._admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
        self._connection: Any = None

    def ends(self) -> dict[Partition, int]:
        """The high watermark of every partition; raises `KafkaException`."""
        wanted = {
            TopicPartition(topic, partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for topic, partitions in self._topics.items()
            for partition in range(partitions)
        }
        found = self._admin.list_offsets(wanted, request_timeout=_SECONDS)
        return {(at.topic, at.partition): future.result(_SECONDS).offset for at, future in found.items()}

    def progress(self) -> Progress:
        """The present moment; raises `psycopg2.Error` or `KafkaException` where it cannot be had."""
        [[(tasks, read, *figures)]] = self._read("progress")
        by_partition = {(topic, partition): offset for topic, partition, offset, _ in read}
        skipped = {(topic, partition): count for topic, partition, _, count in read}
        # The ends last: what the relay had published by then lies before them.
        return Progress(tasks, by_partition, skipped, self.ends(), *figures)

    def books(self) -> tuple[dict[Partition, PartitionLedger], Totals]:
        """The ledger of every partition and the totals; for when nothing changes any more."""
        with closing(self._connected()) as connection:
            ledgers = PostgresHistory(connection).ledgers()
        [[totals]] = self._read("totals")
        return {ledger.partition: ledger for ledger in ledgers}, Totals(*totals)

    def written_since(self, number: int) -> Iterator[tuple[str, int, int]]:
        """Each task with events above this number of the log: its id, and the first and last version among them."""
        with closing(self._connected()) as connection, connection.cursor("written_since") as cursor:
            cursor.execute(self._statements["written_since"], {"after": number})
            yield from cursor

    def close(self) -> None:
        """Ends the connection; another call opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, *names: str) -> list[list[Sequence[Any]]]:
        """The rows of each statement, all of one snapshot."""
        if self._connection is None or self._connection.closed:
            self._connection = self._connected()
            self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        try:
            with closing(self._connection.cursor()) as cursor:
                results = []
                for name in names:
                    cursor.execute(self._statements[name], {"topics": list(self._topics)})
                    results.append(cursor.fetchall())
            self._connection.rollback()
        except psycopg2.Error:
            self.close()
            raise
        return results

    def _connected(self) -> Any:
        return psycopg2.connect(self._dsn, connect_timeout=3, application_name="taskmanager-demo")
