"""Where consumers begin, on PostgreSQL."""

from collections.abc import Mapping, Sequence

from taskmanager.application.commands import Partition
from taskmanager.application.ports import StoredOffset
from taskmanager.infrastructure.postgres.rows import dumps
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.statements import load_statements


class PostgresOffsetStore:
    """Implements `OffsetStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = load_statements("offsets")

    async def register(self, partitions: Mapping[Partition, tuple[str, int]]) -> Mapping[Partition, StoredOffset]:
        """See `OffsetStore.register`."""
        rows = dumps(
            [
                {"topic": p.topic, "partition": p.partition, "topic_id": topic_id, "first_offset": first}
                for p, (topic_id, first) in sorted(partitions.items())
            ]
        )
        return await self._read(f"{self._statements['register']}; {self._statements['read']}", rows)

    async def read(self, partitions: Sequence[Partition]) -> Mapping[Partition, StoredOffset]:
        """See `OffsetStore.read`."""
        return await self._read(self._statements["read"], dumps([p._asdict() for p in partitions]))

    async def _read(self, statement: str, rows: str) -> Mapping[Partition, StoredOffset]:
        found = await self._session.execute(statement, {"partitions": rows})
        return {
            Partition(topic, partition): StoredOffset(topic_id, next_offset)
            for topic, partition, topic_id, next_offset in found
        }
