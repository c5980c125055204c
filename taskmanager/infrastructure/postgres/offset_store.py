"""Where consumers begin, on PostgreSQL."""

from collections.abc import Mapping

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
        found = await self._session.execute(
            f"{self._statements['register']}; {self._statements['read']}", {"partitions": rows}
        )
        return {
            Partition(topic, partition): StoredOffset(topic_id, next_offset)
            for topic, partition, topic_id, next_offset in found
        }
