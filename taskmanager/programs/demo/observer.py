"""Looks at the database and the topics while the appliance works."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from taskmanager.application.verification.ledger import PartitionLedger
from taskmanager.infrastructure.postgres.history import PostgresHistory
from taskmanager.infrastructure.postgres.statements import load_statements
from taskmanager.programs.demo.accounting import Partition, Totals

_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of the appliance: what is read of each partition, how long each is, and what the tables hold."""

    tasks: Mapping[str, int]
    read: Mapping[Partition, int]
    ends: Mapping[Partition, int]
    dead_letters: int
    parked: int
    claimable: int  # parked reports whose task exists: the next sweep applies them

    @property
    def lag(self) -> int:
        """Messages that wait in the topics."""
        return sum(max(0, end - self.read.get(partition, 0)) for partition, end in self.ends.items())

    @property
    def ingested(self) -> int:
        """Where the readers of all partitions stand, added up."""
        return sum(self.read.values())

    @property
    def settled(self) -> bool:
        """Nothing waits, and nothing will change by itself."""
        return self.lag == 0 and self.claimable == 0


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
        ends = self.ends()
        [[(tasks, read, dead_letters, parked, claimable)]] = self._read("progress")
        by_partition = {(topic, partition): offset for topic, partition, offset in read}
        return Progress(tasks, by_partition, ends, dead_letters, parked, claimable)

    def books(self) -> tuple[dict[Partition, PartitionLedger], Totals]:
        """The ledger of every partition and the totals; for when nothing changes any more."""
        with closing(self._connected()) as connection:
            ledgers = PostgresHistory(connection).ledgers()
        [[totals]] = self._read("totals")
        return {ledger.partition: ledger for ledger in ledgers}, Totals(*totals)

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
