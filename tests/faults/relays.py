"""Two relays and the topic that the leading one of them publishes to."""

from collections.abc import Mapping
from typing import NamedTuple

from confluent_kafka import Consumer, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from .programs import Program
from .waiting import until
from .world import World

_READ_SECONDS = 60.0
_ASK_SECONDS = 15.0
_POSITION = "select epoch, position from event_readers where name = 'relay'"
_LEADER = """select client_port from pg_stat_activity join pg_locks using (pid)
    where locktype = 'advisory' and granted and datname = current_database()
    and (classid::bigint << 32) | objid::bigint = hashtextextended('relay', 0)"""


class Published(NamedTuple):
    """An event on the topic."""

    partition: int
    offset: int
    task_id: str
    version: int


class Reached(NamedTuple):
    """How far the relays have come by what is stored: the number of terms, and the last event published."""

    epoch: int
    position: int


class EventsTopic:
    """A topic that nobody but relays writes to."""

    def __init__(self, brokers: str, name: str, partitions: int) -> None:
        self.name = name
        self._brokers = brokers
        self._partitions = [TopicPartition(name, partition) for partition in range(partitions)]
        self._admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})

    def ends(self, isolation: IsolationLevel = IsolationLevel.READ_COMMITTED) -> Mapping[int, int]:
        """How far each partition can be read."""
        asked = self._admin.list_offsets(
            dict.fromkeys(self._partitions, OffsetSpec.latest()),
            isolation_level=isolation,
            request_timeout=_ASK_SECONDS,
        )
        return {partition.partition: future.result().offset for partition, future in asked.items()}

    @property
    def has_open_transaction(self) -> bool:
        """Whether something is written that is neither committed nor aborted; certain only while nobody writes."""
        return self.ends() != self.ends(IsolationLevel.READ_UNCOMMITTED)

    def read(self) -> list[Published]:
        """Everything that a reader of committed messages sees, each partition in its order."""
        ends = self.ends()
        consumer = Consumer(
            {
                "bootstrap.servers": self._brokers,
                "group.id": "looks-only",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        published: list[Published] = []
        unread = {partition for partition, end in ends.items() if end}
        try:
            consumer.assign([TopicPartition(self.name, partition, 0) for partition in ends])
            while unread:
                first = consumer.poll(_READ_SECONDS)
                assert first is not None, f"nothing more came of partitions {sorted(unread)}"
                for message in [first, *consumer.consume(10_000, timeout=0)]:
                    if message.error() is not None:
                        unread.discard(message.partition())  # its end
                        continue
                    event_id = dict(message.headers())["event_id"].decode()
                    task_id, _, version = event_id.rpartition(":")
                    assert message.key() == task_id.encode()
                    published.append(Published(message.partition(), message.offset(), task_id, int(version)))
        finally:
            consumer.close()
        return published


def reached(world: World) -> Reached:
    """What is stored now."""
    rows = world.database.run(_POSITION)
    return Reached(*rows[0]) if rows else Reached(0, 0)


def leader(world: World, relays: list[Program]) -> Program:
    """The relay whose connection holds the lock."""

    def holder() -> Program | None:
        ports = {port for (port,) in world.database.run(_LEADER, role="superuser")}
        return next(
            (relay for relay in relays if relay.is_alive and ports & relay.ports_to_database(world.database)), None
        )

    return until(holder, "a relay that leads", 30)


def verify_order(published: list[Published], events: Mapping[str, int]) -> list[Published]:
    """Every version of every task is there, none before its predecessor; answers those that came again.

    `events` is how many each task has. Whoever remembers ids, or the highest version of a task, sees no step back.
    """
    seen: dict[str, int] = {}
    again = []
    for event in sorted(published):
        expected = seen.get(event.task_id, 0) + 1
        assert event.version <= expected, f"{event} came before version {expected}"
        if event.version == expected:
            seen[event.task_id] = expected
        else:
            again.append(event)
    assert seen == events
    return again
