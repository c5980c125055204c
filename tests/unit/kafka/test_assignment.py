"""Which partitions a process owns, and where it may begin."""

from collections.abc import Mapping, Sequence

import pytest

from taskmanager.api.kafka.assignment import OffsetsUnusable, PinnedAssignment
from taskmanager.application.commands import Partition
from taskmanager.infrastructure.kafka.topics import TopicDescription
from tests.fakes.messages import REQUESTS, STATUSES, TOPIC_IDS
from tests.fakes.task_store import InMemoryTaskStore, StoredPartition

_FIRST = Partition(REQUESTS, 0)


class Broker:
    """Topics and their watermarks."""

    def __init__(self, **partitions: int) -> None:
        self.topics = {
            REQUESTS: TopicDescription(TOPIC_IDS[REQUESTS], partitions.get("requests", 5)),
            STATUSES: TopicDescription(TOPIC_IDS[STATUSES], partitions.get("statuses", 3)),
        }
        self.marks: dict[Partition, list[tuple[int, int]]] = {}

    async def describe(self) -> Mapping[str, TopicDescription]:
        """Both topics."""
        return self.topics

    async def watermarks(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """0 to 100, unless said otherwise; of several answers each is given once, the last one for ever."""
        answers = {}
        for partition in partitions:
            marks = self.marks.get(partition, [(0, 100)])
            answers[partition] = marks.pop(0) if len(marks) > 1 else marks[0]
        return answers

    def assignment(self, store: InMemoryTaskStore, index: int = 0, count: int = 1) -> PinnedAssignment:
        """The assignment of one process."""
        return PinnedAssignment(self.describe, self.watermarks, store, index=index, count=count)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
async def test_every_partition_has_exactly_one_owner(count: int) -> None:
    owned = []
    for index in range(count):
        assignment = Broker().assignment(InMemoryTaskStore(), index, count)
        await assignment.identify()
        owned += list(await assignment.read_offsets())

    assert sorted(owned) == [Partition(REQUESTS, n) for n in range(5)] + [Partition(STATUSES, n) for n in range(3)]


async def test_equal_numbers_of_both_topics_belong_together() -> None:
    assignment = Broker(requests=4, statuses=4).assignment(InMemoryTaskStore(), 1, 2)
    await assignment.identify()

    assert sorted(await assignment.read_offsets()) == [
        Partition(REQUESTS, 1), Partition(REQUESTS, 3), Partition(STATUSES, 1), Partition(STATUSES, 3),
    ]  # fmt: skip


async def test_a_process_beyond_the_partitions_owns_none() -> None:
    assignment = Broker().assignment(InMemoryTaskStore(), 6, 7)
    await assignment.identify()

    assert await assignment.read_offsets() == {}


async def test_the_first_start_begins_at_the_first_offset_and_later_ones_at_the_stored() -> None:
    broker, store = Broker(), InMemoryTaskStore()
    broker.marks[_FIRST] = [(17, 40)]
    assignment = broker.assignment(store)
    await assignment.identify()
    assert (await assignment.read_offsets())[_FIRST] == 17

    store.contents.offsets[_FIRST].next_offset = 33
    assert (await assignment.read_offsets())[_FIRST] == 33
    assert store.contents.offsets[_FIRST].first_offset == 17


@pytest.mark.parametrize("offset", [17, 40])
async def test_both_ends_of_a_topic_are_sound_offsets(offset: int) -> None:
    broker, store = Broker(), InMemoryTaskStore()
    broker.marks[_FIRST] = [(17, 40)]
    store.contents.offsets[_FIRST] = StoredPartition(TOPIC_IDS[REQUESTS], 0, offset)
    assignment = broker.assignment(store)
    await assignment.identify()

    assert (await assignment.read_offsets())[_FIRST] == offset


@pytest.mark.parametrize(
    ("topic_id", "offset", "said"),
    [
        ("another", 20, "made anew"),
        (TOPIC_IDS[REQUESTS], 16, "holds 17 to 40"),
        (TOPIC_IDS[REQUESTS], 41, "holds 17 to 40"),
    ],
)
async def test_offsets_that_do_not_fit_the_topic_are_the_operators_to_decide(
    topic_id: str, offset: int, said: str
) -> None:
    broker, store = Broker(), InMemoryTaskStore()
    broker.marks[_FIRST] = [(17, 40)]
    store.contents.offsets[_FIRST] = StoredPartition(topic_id, 0, offset)
    assignment = broker.assignment(store)
    await assignment.identify()

    with pytest.raises(OffsetsUnusable, match=rf"{REQUESTS}/0.*{said}.*docs/operations.md"):
        await assignment.read_offsets()


async def test_another_owner_may_read_on_between_the_two_looks() -> None:
    broker, store = Broker(), InMemoryTaskStore()
    broker.marks[_FIRST] = [(17, 40), (17, 60)]
    store.contents.offsets[_FIRST] = StoredPartition(TOPIC_IDS[REQUESTS], 0, 55)
    assignment = broker.assignment(store)
    await assignment.identify()

    assert (await assignment.read_offsets())[_FIRST] == 55


async def test_a_topic_that_is_made_anew_while_the_process_runs_is_seen_at_the_next_look() -> None:
    broker, store = Broker(), InMemoryTaskStore()
    assignment = broker.assignment(store)
    topic_ids = await assignment.identify()
    await assignment.read_offsets()
    broker.topics[REQUESTS] = TopicDescription("another", 5)

    with pytest.raises(OffsetsUnusable, match="made anew"):
        await assignment.read_offsets()
    assert topic_ids[REQUESTS] == "another"
