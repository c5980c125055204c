"""What the rules that go by time may expect of any store."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Protocol

import pytest

from taskmanager.application.changes import Changes
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.decide import Decision
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestedOffsets, IngestedPartition
from taskmanager.application.use_cases.housekeeping.parked_reports import Expiry, ParkedStretch, WaitingReports
from taskmanager.application.use_cases.housekeeping.stuck_tasks import ExpiredTask, Stretch, TasksInProgress
from taskmanager.domain.lease import Lease
from taskmanager.infrastructure.postgres.housekeeping import PostgresHousekeeping
from tests.builders import at, task_id
from tests.contract.adapters import Adapter, InMemoryAdapter, PostgresAdapter
from tests.fakes.batches import batch_of, first_offsets
from tests.fakes.clock import FixedClock
from tests.fakes.housekeeping import InMemoryHousekeeping
from tests.fakes.messages import REQUESTS, STATUSES, TOPIC_IDS, report, request

LEASE = Lease(timedelta(seconds=1000), timedelta(seconds=100))


class Tables(IngestedOffsets, TasksInProgress, WaitingReports, Protocol):
    """All that the rules ask of the tables of tasks, offsets and parked reports."""


class Ingesting:
    """Ingests messages at moments of its own."""

    def __init__(self, adapter: Adapter) -> None:
        self.clock = FixedClock()
        self._adapter = adapter
        if isinstance(adapter, InMemoryAdapter):
            self._memory = InMemoryHousekeeping(adapter._store, self.clock)
            self.tables: Tables = self._memory
        else:
            assert isinstance(adapter, PostgresAdapter)
            self.tables = PostgresHousekeeping(adapter._sessions[0], (REQUESTS, STATUSES))
        self._next: dict[Partition, int] = {}

    async def receive(self, seconds: float, *messages: InboundMessage) -> None:
        """One batch, so many seconds after noon."""
        self.clock.time = at(seconds)
        sent = list(self._numbered(messages))
        await self._adapter.offsets.register(first_offsets(sent))
        batch = batch_of(sent)
        ids = sorted({command.id for command in batch.commands})  # type: ignore[union-attr]
        changes = Changes(at(seconds), batch.progress(at(seconds)))
        async with self._adapter.store.transaction() as transaction:
            Decision(await transaction.load(batch.claims(), ids, ids), changes).decide(batch.messages, batch.commands)
            await transaction.commit(self._adapter.store.serialise(changes))
        if isinstance(self._adapter, InMemoryAdapter):
            self._memory.note_parked()

    def _numbered(self, messages: Sequence[InboundMessage]) -> Iterator[InboundMessage]:
        for message in messages:
            place = Partition(message.topic, message.partition)
            offset = self._next.get(place, 0)
            self._next[place] = offset + 1
            yield message._replace(offset=offset)


@pytest.fixture
def ingesting(adapter: Adapter) -> Ingesting:
    return Ingesting(adapter)


async def test_the_offsets_are_those_of_every_partition_that_is_taken_up(ingesting: Ingesting) -> None:
    assert await ingesting.tables.ingested() == {}
    await ingesting.receive(60, request(), report(partition=2))

    assert await ingesting.tables.ingested() == {
        Partition(REQUESTS, 0): IngestedPartition(TOPIC_IDS[REQUESTS], 1, at(0)),
        Partition(STATUSES, 2): IngestedPartition(TOPIC_IDS[STATUSES], 1, at(0)),
    }


async def test_a_lease_is_over_at_its_end_and_not_a_moment_earlier(ingesting: Ingesting) -> None:
    await ingesting.receive(60, request(), report("started"))
    tables = ingesting.tables

    assert (await tables.expired(LEASE, at(159.999), None, 10)).expired == []
    assert (await tables.expired(LEASE, at(160), None, 10)).expired == [ExpiredTask(task_id(), 1)]
    assert await tables.next_expiry(LEASE) == at(160)
    await ingesting.receive(100, report("started"))
    assert (await tables.expired(LEASE, at(199), None, 10)).expired == []
    assert await tables.next_expiry(LEASE) == at(200)
    await ingesting.receive(1050, report("started"))
    assert await tables.next_expiry(LEASE) == at(1060)


async def test_only_tasks_in_progress_have_a_lease(ingesting: Ingesting) -> None:
    await ingesting.receive(60, *(request(id=task_id(n)) for n in (1, 2, 3)))
    await ingesting.receive(61, report("completed"), report("cancelled", id=task_id(2)))

    assert await ingesting.tables.expired(LEASE, at(9999), None, 10) == Stretch(None, [])
    assert await ingesting.tables.next_expiry(LEASE) is None


async def test_stretches_follow_each_other_over_tasks_made_at_the_same_moment(ingesting: Ingesting) -> None:
    await ingesting.receive(60, *(request(id=task_id(n)) for n in (5, 1, 4)))
    await ingesting.receive(61, *(request(id=task_id(n)) for n in (2, 3)))
    await ingesting.receive(62, *(report("started", id=task_id(n)) for n in (1, 3, 4, 5)))
    await ingesting.receive(150, report("started", id=task_id(4)))
    stretches = [await ingesting.tables.expired(LEASE, at(170), None, 2)]
    while (position := stretches[-1].position) is not None:
        stretches.append(await ingesting.tables.expired(LEASE, at(170), position, 2))

    assert [[task.id for task in stretch.expired] for stretch in stretches] == [
        [task_id(1)],
        [task_id(5), task_id(3)],
        [],
    ]


def expiry(parked_until: float) -> Expiry:
    return Expiry(at(parked_until), DeadLetterReason.UNKNOWN_TASK, "waited")


async def test_reports_that_were_parked_by_then_become_dead_letters(ingesting: Ingesting, adapter: Adapter) -> None:
    await ingesting.receive(60, report(id=task_id(1)), report(id=task_id(2)))
    await ingesting.receive(61, report(id=task_id(3)))
    tables = ingesting.tables

    assert await tables.count_expired(expiry(59.9)) == 0
    assert await tables.expire(expiry(59.9), at(99), 0, 10) == ParkedStretch(None, 0)
    assert await tables.oldest() == at(60)
    assert await tables.count_expired(expiry(60)) == 2
    assert await tables.expire(expiry(60), at(99), 0, 10) == ParkedStretch(None, 2)
    held = adapter.held()
    assert [(letter["task_id"], letter["reason"], letter["detail"]) for letter in held.dead] == [
        (task_id(1), "unknown_task", "waited"),
        (task_id(2), "unknown_task", "waited"),
    ]
    assert [parked["task_id"] for parked in held.parked] == [task_id(3)]
    assert await tables.oldest() == at(61)


async def test_parked_reports_are_looked_at_in_stretches(ingesting: Ingesting) -> None:
    await ingesting.receive(60, *(report(id=task_id(n)) for n in range(1, 6)))
    first = await ingesting.tables.expire(expiry(60), at(99), 0, 2)
    assert first.position is not None
    second = await ingesting.tables.expire(expiry(60), at(99), first.position, 2)
    assert second.position is not None
    third = await ingesting.tables.expire(expiry(60), at(99), second.position, 2)

    assert [first.expired, second.expired, third.expired] == [2, 2, 1]
    assert third.position is None
    assert await ingesting.tables.oldest() is None
