"""Other writers, refused rows and a store that goes away."""

import pytest

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import Partition
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.ports import Fenced, RowRefused, StoreConflict, StoreUnavailable
from taskmanager.application.use_cases.ingest_batch import IngestBatch
from tests.builders import task_id
from tests.fakes.batches import batch_of, first_offsets, numbered
from tests.fakes.manager import Manager
from tests.fakes.messages import REQUESTS, body, report, request
from tests.fakes.task_store import InMemoryTaskStore


async def test_a_batch_on_foreign_offsets_is_fenced_and_writes_nothing(manager: Manager) -> None:
    await manager.receive(request(offset=0))

    with pytest.raises(Fenced):
        await manager.ingest(batch_of([request(id=task_id(2), offset=0)]))

    assert manager.outcomes() == {Outcome.CREATED: 1}


async def test_requests_alone_are_written_without_looking_for_tasks_first(
    manager: Manager, store: InMemoryTaskStore
) -> None:
    await manager.receive(request())
    assert store.transactions == 1

    await manager.receive(request(offset=1))  # meets the task that is there, and looks
    assert store.transactions == 3

    await manager.receive(request(offset=2))  # looks first for a while, where duplicates are to be expected
    assert store.transactions == 4


async def test_after_sixteen_batches_without_a_duplicate_it_stops_looking_first(
    manager: Manager, store: InMemoryTaskStore
) -> None:
    await manager.receive(request())
    await manager.receive(request(offset=1))
    for number in range(16):
        await manager.receive(request(id=task_id(100 + number), offset=2 + number))
    before = store.transactions
    await manager.receive(request(offset=18))

    assert store.transactions == before + 2


async def test_conflicts_with_other_writers_are_decided_again(manager: Manager, store: InMemoryTaskStore) -> None:
    conflicts = iter([StoreConflict("40001"), StoreConflict("40P01")])

    def before(step: str) -> None:
        if step == "commit" and (conflict := next(conflicts, None)):
            raise conflict

    store.before = before
    await manager.receive(request())

    assert manager.history == ["TaskCreated"]
    assert store.transactions == 3


async def test_endless_conflicts_are_handed_to_the_one_who_retries(manager: Manager, store: InMemoryTaskStore) -> None:
    def before(step: str) -> None:
        raise StoreConflict("40001")

    store.before = before
    with pytest.raises(StoreUnavailable):
        await manager.receive(request())

    assert store.transactions == 1 + 20


@pytest.mark.parametrize("step", ["load", "commit"])
async def test_a_failing_store_has_written_nothing(manager: Manager, store: InMemoryTaskStore, step: str) -> None:
    def before(reached: str) -> None:
        if reached == step:
            raise StoreUnavailable("gone", "08")

    store.before = before
    with pytest.raises(StoreUnavailable):
        await manager.receive(*numbered([request(), report("started"), request(b"")]))

    assert (manager.contents.tasks, manager.contents.dead, manager.outcomes()) == ({}, [], {})


@pytest.mark.parametrize("refused", [{0}, {4}, {7}, {2, 3}, {0, 7}, set(range(8))])
async def test_exactly_the_messages_whose_rows_are_refused_become_dead_letters(
    manager: Manager, store: InMemoryTaskStore, refused: set[int]
) -> None:
    store.refuses = {task_id(number) for number in refused}
    messages = numbered([request(id=task_id(number), partition=number % 2) for number in range(8)])
    ingested = await manager.receive(*messages)

    assert [letter for letter, _ in manager.contents.dead] == [messages[number] for number in sorted(refused)]
    assert {reject.reason for _, reject in manager.contents.dead} == {DeadLetterReason.REFUSED_BY_DATABASE}
    assert {reject.task_id for _, reject in manager.contents.dead} == store.refuses
    assert set(manager.contents.tasks) == {task_id(number) for number in set(range(8)) - refused}
    assert all(row.next_offset == 4 for row in manager.contents.offsets.values())
    assert sum(sum(moved.outcomes.values()) for moved in ingested.progress.values()) == 8
    assert {partition: moved.next_offset for partition, moved in ingested.progress.items()} == {
        Partition(REQUESTS, 0): 4,
        Partition(REQUESTS, 1): 4,
    }


async def test_a_store_that_goes_away_while_bisecting_leaves_the_rest_to_be_read_again(
    manager: Manager, store: InMemoryTaskStore
) -> None:
    store.refuses = {task_id(3)}
    commits = 0

    def before(step: str) -> None:
        nonlocal commits
        commits += step == "commit"
        if step == "commit" and commits == 3:
            raise StoreUnavailable("gone", "08")

    store.before = before
    messages = numbered([request(id=task_id(number)) for number in range(4)])
    with pytest.raises(StoreUnavailable):
        await manager.receive(*messages)
    assert set(manager.contents.tasks) == {task_id(0), task_id(1)}

    with pytest.raises(Fenced):
        await manager.ingest(batch_of(messages))
    await manager.receive(*messages[2:])

    assert set(manager.contents.tasks) == {task_id(0), task_id(1), task_id(2)}
    assert [letter.offset for letter, _ in manager.contents.dead] == [3]


async def test_a_database_that_refuses_even_the_dead_letter_stops_the_consumer(
    manager: Manager, store: InMemoryTaskStore
) -> None:
    def before(step: str) -> None:
        raise RowRefused("nothing goes")

    store.before = before
    with pytest.raises(RowRefused):
        await manager.receive(request())


async def test_a_batch_may_be_prepared_before_the_one_before_it_is_written(manager: Manager) -> None:
    messages = numbered([request(), request(), request(body(userQuery="other"))])
    await manager.store.register(first_offsets(messages))
    ingest = IngestBatch(manager.store, manager.clock)
    prepared = [ingest.prepare(batch_of([message])) for message in messages]
    for batch in prepared:
        await ingest.write(batch)

    assert manager.outcomes() == {Outcome.CREATED: 1, Outcome.DUPLICATE: 1, Outcome.REFUSED: 1}


async def test_what_was_prepared_can_be_written_again_after_a_failure(manager: Manager) -> None:
    failures = iter([StoreUnavailable("gone", "08")])

    def before(step: str) -> None:
        if step == "commit" and (failure := next(failures, None)):
            raise failure

    manager.store.before = before
    messages = numbered([request(), request(b"")])
    await manager.store.register(first_offsets(messages))
    ingest = IngestBatch(manager.store, manager.clock)
    prepared = ingest.prepare(batch_of(messages))
    with pytest.raises(StoreUnavailable):
        await ingest.write(prepared)
    await ingest.write(prepared)

    assert manager.outcomes() == {Outcome.CREATED: 1, Outcome.DEAD: 1}
    assert manager.history == ["TaskCreated"]


async def test_what_was_prepared_before_an_outage_is_recorded_with_the_time_after_it(manager: Manager) -> None:
    messages = numbered([request()])
    await manager.store.register(first_offsets(messages))
    ingest = IngestBatch(manager.store, manager.clock)
    prepared = ingest.prepare(batch_of(messages))
    manager.clock.pass_seconds(7200)
    await ingest.write(prepared)

    assert manager.task.created_at == manager.clock.now()
