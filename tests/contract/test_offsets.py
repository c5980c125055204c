"""What consumers may expect of stored offsets, in any store."""

import pytest

from taskmanager.application.batch import Batch
from taskmanager.application.commands import Partition
from taskmanager.application.ports import Fenced, TaskStore
from taskmanager.application.use_cases.ingest_batch import IngestBatch
from tests.builders import at
from tests.contract.adapters import Adapter
from tests.contract.test_task_store import begun
from tests.fakes.clock import FixedClock
from tests.fakes.messages import REQUESTS, STATUSES, TOPIC_IDS, request


async def test_registering_makes_rows_once_and_reads_them_back(adapter: Adapter) -> None:
    place = Partition(REQUESTS, 3)

    assert await adapter.offsets.register({place: ("first", 17)}) == {place: ("first", 17)}
    assert await adapter.offsets.register({place: ("second", 40)}) == {place: ("first", 17)}
    assert await adapter.offsets.register({}) == {}
    assert adapter.held().offsets[place]["first_offset"] == 17


async def move_offsets(store: TaskStore, starts: dict[Partition, int], reached: dict[Partition, int]) -> None:
    """A batch that has no messages."""
    ingest = IngestBatch(store, FixedClock())
    await ingest.write(ingest.prepare(Batch([], [], starts, TOPIC_IDS, reached)))


async def test_offsets_can_be_moved_without_a_message(adapter: Adapter) -> None:
    here, other = Partition(REQUESTS, 0), Partition(STATUSES, 1)
    store = await begun(adapter, request())
    before = adapter.held()
    await move_offsets(store, {here: 1, other: 0}, {here: 4, other: 2})
    held = adapter.held()

    assert (held.offsets[here]["next_offset"], held.offsets[other]["next_offset"]) == (4, 2)
    assert held.offsets[here]["outcomes"] == {"created": 1, "skipped": 3}
    assert held.offsets[here]["ingested_at"] == before.offsets[here]["ingested_at"] == at(0)
    assert (held.offsets[other]["outcomes"], held.offsets[other]["ingested_at"]) == ({"skipped": 2}, None)
    assert held._replace(offsets={}) == before._replace(offsets={})


async def test_moving_offsets_alone_is_fenced_too(adapter: Adapter) -> None:
    here, other = Partition(REQUESTS, 0), Partition(STATUSES, 1)
    store = await begun(adapter, request())
    before = adapter.held()
    with pytest.raises(Fenced):
        await move_offsets(store, {here: 0, other: 0}, {here: 4, other: 2})

    assert adapter.held() == before


async def test_stored_offsets_are_read_for_those_that_are_known(adapter: Adapter) -> None:
    here = Partition(REQUESTS, 0)
    await begun(adapter, request())

    assert await adapter.offsets.read([here, Partition(REQUESTS, 9)]) == {here: (TOPIC_IDS[REQUESTS], 1)}
    assert await adapter.offsets.read([]) == {}
