"""What a process is to read, from where, and when that has to be looked at again."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from time import monotonic

import structlog

from taskmanager.api.kafka.ownership import Ownership
from taskmanager.api.kafka.stopped import Stop, StoppedPartitions
from taskmanager.api.kafka.topic_watch import Topics, TopicWatch
from taskmanager.application.commands import Partition
from taskmanager.application.offsets import OffsetProblem, TopicEnds, diagnose
from taskmanager.application.ports import Fenced, OffsetStore, StoredOffset

log = structlog.get_logger(__name__)

_COMPARE_SECONDS = 5.0

Describe = Callable[[], Awaitable[Topics]]
Watermarks = Callable[[Sequence[Partition]], Awaitable[Mapping[Partition, tuple[int, int]]]]


class Assignment:
    """The partitions that `ownership` gives to this process, without those whose offsets do not fit their topics.

    `describe` must answer all topics, `describe_existing` may leave out those that are not there.
    """

    def __init__(
        self,
        describe: Describe,
        describe_existing: Describe,
        watermarks: Watermarks,
        offsets: OffsetStore,
        ownership: Ownership,
        stopped: StoppedPartitions,
        watch: TopicWatch,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._describe = describe
        self._describe_existing = describe_existing
        self._watermarks = watermarks
        self._offsets = offsets
        self._ownership = ownership
        self._stopped = stopped
        self._watch = watch
        self._clock = clock
        self._compared = clock()
        self._topic_ids: dict[str, str] = {}
        self._topics: Topics = {}
        self._partitions: dict[str, int] = {}
        self._reading: Mapping[Partition, int] = {}

    @property
    def topic_ids(self) -> Mapping[str, str]:
        """The id of each topic as of the last `read_offsets`; one object, which later calls change."""
        return self._topic_ids

    def has_changed(self) -> bool:
        """Whether `read_offsets` should be asked again: other owners, other topics, a partition that may go on."""
        return self._ownership.has_changed() or self._watch.has_changed(self._topics) or self._stopped.is_due()

    async def read_offsets(self) -> Mapping[Partition, int]:
        """Where each owned partition goes on: its stored offset, or on the very first start its first offset.

        A partition of a topic that was made anew, or that no longer holds the offset, is left out and told of. At the
        start both topics have to be there; one that goes away later is left out until it is back. Raises what
        `describe` and `watermarks` raise, and a `StoreError`.
        """
        # A process that has never seen a topic cannot tell a partition of it that is missing.
        topics = await (self._describe_existing() if self._topics else self._describe())
        self._topics = topics
        self._topic_ids.update({name: topic.topic_id for name, topic in topics.items()})
        self._partitions.update({name: topic.partitions for name, topic in topics.items()})
        owned = self._ownership.owned(self._partitions)
        there = [p for p in owned if p.topic in topics and p.partition < topics[p.topic].partitions]
        stops = {p: Stop(OffsetProblem.TOPIC_MISSING, None, None) for p in owned if p not in set(there)}
        reading: dict[Partition, int] = {}
        for partition, (stored, ends) in (await self._look(there)).items():
            problem = diagnose(stored, ends)
            if problem is None:
                reading[partition] = stored.next_offset
            else:
                stops[partition] = Stop(problem, stored, ends)
        self._stopped.replace(stops)
        self._tell(reading)
        return reading

    async def review(self, written: Mapping[Partition, int]) -> None:
        """Looks, every few seconds and between two transactions, whether somebody has set stored offsets.

        `written` is where each partition stands by what this process has read and written. Raises `Fenced` where the
        store says otherwise: without a message no batch of that partition would ever find out. Raises a `StoreError`.
        """
        await self._stopped.review()
        now = self._clock()
        if not written or now - self._compared < _COMPARE_SECONDS:
            return
        self._compared = now
        stored = await self._offsets.read(list(written))
        moved = sorted(p for p, offset in written.items() if p in stored and stored[p].next_offset != offset)
        if moved:
            raise Fenced(f"the stored offset of {moved[0].topic}/{moved[0].partition} was moved by somebody else")

    async def close(self) -> None:
        """Looks no more."""
        await self._watch.close()

    async def _look(self, partitions: Sequence[Partition]) -> dict[Partition, tuple[StoredOffset, TopicEnds]]:
        if not partitions:
            return {}
        marks = await self._watermarks(partitions)
        stored = await self._offsets.register({p: (self._topic_ids[p.topic], marks[p][0]) for p in partitions})
        if any(offset > marks[partition][1] for partition, (_, offset) in stored.items()):
            # Another owner may have read beyond the end that was seen before the offsets were.
            marks = await self._watermarks(partitions)
        return {p: (stored[p], TopicEnds(self._topic_ids[p.topic], *marks[p])) for p in sorted(stored)}

    def _tell(self, reading: Mapping[Partition, int]) -> None:
        if reading.keys() != self._reading.keys() or not self._reading:
            log.info(
                "partitions_owned",
                partitions=len(reading),
                taken_up=_by_topic(reading.keys() - self._reading.keys()),
                given_up=_by_topic(self._reading.keys() - reading.keys()),
            )
        self._reading = reading


def _by_topic(partitions: Iterable[Partition]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for topic, number in sorted(partitions):
        numbers.setdefault(topic, []).append(number)
    return numbers
