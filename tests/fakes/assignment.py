"""A broker and a store in memory, and an assignment between them."""

from collections.abc import Mapping, Sequence

from taskmanager.api.kafka.assignment import Assignment
from taskmanager.api.kafka.stopped import StoppedPartitions
from taskmanager.api.kafka.topic_watch import TopicWatch
from taskmanager.application.commands import Partition
from taskmanager.infrastructure.kafka.topics import TopicDescription
from tests.fakes.consumer import Seconds, others_run
from tests.fakes.messages import REQUESTS, STATUSES, TOPIC_IDS
from tests.fakes.task_store import InMemoryTaskStore, StoredPartition


class NotThereError(Exception):
    """A topic is missing."""


class Everything:
    """Implements `Ownership`: all partitions, until it is told that others are wanted."""

    def __init__(self) -> None:
        self.changed = False

    def owned(self, partitions: Mapping[str, int]) -> list[Partition]:
        """All."""
        self.changed = False
        return [Partition(topic, n) for topic, count in sorted(partitions.items()) for n in range(count)]

    def has_changed(self) -> bool:
        """As it was told."""
        return self.changed


class Setting:
    """A broker, a store, and an assignment between them."""

    def __init__(self) -> None:
        self.topics = {
            REQUESTS: TopicDescription(TOPIC_IDS[REQUESTS], 2),
            STATUSES: TopicDescription(TOPIC_IDS[STATUSES], 1),
        }
        self.marks: dict[Partition, list[tuple[int, int]]] = {}
        self.store = InMemoryTaskStore()
        self.clock = Seconds()
        self.ownership = Everything()
        self.stopped: dict[tuple[str, str], int] = {}
        self.glances = 0
        self.answers = True
        self.assignment = Assignment(
            self.describe,
            self.describe_existing,
            self.watermarks,
            self.store,
            self.ownership,
            StoppedPartitions(self.store.read, self._tell, self.clock),
            TopicWatch(self.glance, self.clock),
            self.clock,
        )

    async def describe(self) -> Mapping[str, TopicDescription]:
        """Both topics, or an error."""
        if len(self.topics) < 2:
            raise NotThereError
        return dict(self.topics)

    async def describe_existing(self) -> Mapping[str, TopicDescription]:
        """What is there."""
        return dict(self.topics)

    async def glance(self) -> Mapping[str, TopicDescription] | None:
        """What is there, if Kafka answers."""
        self.glances += 1
        return dict(self.topics) if self.answers else None

    async def watermarks(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """0 to 100, unless said otherwise; of several answers each is given once, the last one for ever."""
        answers = {}
        for partition in partitions:
            marks = self.marks.get(partition, [(0, 100)])
            answers[partition] = marks.pop(0) if len(marks) > 1 else marks[0]
        return answers

    def stored(self, partition: Partition, offset: int, topic_id: str | None = None) -> None:
        """A partition was read up to here, and may go on from here."""
        self.store.contents.offsets[partition] = StoredPartition(topic_id or TOPIC_IDS[partition.topic], 0, offset)

    async def look(self, seconds: float = 5) -> bool:
        """Whether the assignment wants to be read again when so much time has passed and its look is done."""
        self.clock.now += seconds
        first = self.assignment.has_changed()
        await others_run()
        return first or self.assignment.has_changed()

    def _tell(self, counts: Mapping[tuple[str, str], int]) -> None:
        self.stopped = dict(counts)
