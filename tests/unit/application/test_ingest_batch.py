"""What becomes of messages, batch by batch."""

from collections import Counter

import pytest

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import Partition
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.ports import Fenced, RowRefused, StoreConflict, StoreUnavailable
from taskmanager.application.use_cases.ingest_batch import IngestBatch
from taskmanager.domain.errors import RefusalReason
from taskmanager.domain.status import TaskStatus
from tests.builders import state_of, task_id
from tests.fakes.batches import batch_of, first_offsets, numbered
from tests.fakes.clock import FixedClock
from tests.fakes.manager import Manager
from tests.fakes.messages import REQUESTS, STATUSES, body, report, request
from tests.fakes.task_store import InMemoryTaskStore


async def test_a_request_becomes_a_task_with_its_first_event(manager: Manager) -> None:
    await manager.receive(request(offset=0))

    assert manager.task.status is TaskStatus.NEW
    assert manager.history == ["TaskCreated"]
    assert manager.outcomes() == {Outcome.CREATED: 1}


async def test_reports_drive_the_task_to_its_end(manager: Manager) -> None:
    await manager.receive(request())
    await manager.receive(*numbered([report("started"), report("completed")]))

    assert manager.task.result == "done"
    assert manager.history == ["TaskCreated", "TaskStarted", "TaskCompleted"]
    assert manager.outcomes() == {Outcome.CREATED: 1, Outcome.APPLIED: 2}


async def test_a_report_finds_the_task_of_the_same_batch_wherever_it_stands_in_it(manager: Manager) -> None:
    await manager.receive(*numbered([report("completed"), request()]))

    assert manager.history == ["TaskCreated", "TaskCompleted"]
    assert manager.outcomes() == {Outcome.CREATED: 1, Outcome.APPLIED: 1}


async def test_early_reports_wait_and_are_applied_in_order_before_what_is_reported_now(manager: Manager) -> None:
    early = numbered([report("started", {"progress": 0.5}), report("completed"), report("completed", {"result": "x"})])
    await manager.receive(*early[:2])
    assert manager.outcomes() == {Outcome.PARKED: 2}

    await manager.receive(request(), early[2])

    assert manager.history == ["TaskCreated", "TaskStarted", "TaskCompleted"]
    assert manager.task.result == "done"
    assert manager.contents.parked == []
    assert [refusal.reason for _, refusal in manager.contents.refused] == [RefusalReason.CONFLICTING_REPORT]


async def test_parked_reports_that_leave_no_row_are_counted_where_they_came_from(manager: Manager) -> None:
    reports = [report("started"), report("started"), report("completed"), report("completed", partition=1)]
    await manager.receive(*numbered(reports))
    await manager.receive(request())

    assert manager.contents.unparked_counts == {
        Partition(STATUSES, 0): {Outcome.HEARTBEAT: 1},
        Partition(STATUSES, 1): {Outcome.DUPLICATE: 1},
    }


async def test_the_same_request_again_is_a_duplicate(manager: Manager) -> None:
    await manager.receive(*numbered([request(), request()]))
    await manager.receive(request(offset=2))

    assert manager.history == ["TaskCreated"]
    assert manager.outcomes() == {Outcome.CREATED: 1, Outcome.DUPLICATE: 2}


async def test_another_request_with_the_same_id_is_kept_as_refused(manager: Manager) -> None:
    await manager.receive(request())
    await manager.receive(request(body(userQuery="other"), offset=1))

    assert manager.task.user_query == "opening hours"
    assert [refusal.reason for _, refusal in manager.contents.refused] == [RefusalReason.CONFLICTING_REQUEST]
    assert manager.outcomes() == {Outcome.CREATED: 1, Outcome.REFUSED: 1}


async def test_a_repeated_start_is_a_heartbeat_and_no_event(manager: Manager) -> None:
    await manager.receive(*numbered([request(), report("started"), report("started", {"progress": 0.7})]))

    assert manager.history == ["TaskCreated", "TaskStarted"]
    assert manager.task.progress == 0.7
    assert manager.outcomes()[Outcome.HEARTBEAT] == 1


async def test_a_repeated_final_report_is_a_duplicate_though_the_result_is_not_loaded(manager: Manager) -> None:
    await manager.receive(*numbered([request(), report("completed")]))
    before = state_of(manager.task)
    await manager.receive(report("completed", offset=1))

    assert state_of(manager.task) == before
    assert manager.outcomes()[Outcome.DUPLICATE] == 1


async def test_a_report_that_the_state_machine_refuses_changes_nothing_and_is_kept(manager: Manager) -> None:
    await manager.receive(*numbered([request(), report("completed")]))
    await manager.receive(report("started", offset=1))

    ((kept, refusal),) = manager.contents.refused
    assert (refusal.reason, kept.source.offset) == (RefusalReason.INVALID_TRANSITION, 1)  # type: ignore[union-attr]
    assert manager.history == ["TaskCreated", "TaskCompleted"]


async def test_bad_messages_and_own_events_cost_their_neighbours_nothing(manager: Manager) -> None:
    own = report("completed", headers={"source": "task-manager", "event_id": "1", "event_type": "TaskCompleted"})
    ingested = await manager.receive(*numbered([request(b"{"), request(), request(None), own]))

    assert manager.outcomes() == {Outcome.DEAD: 2, Outcome.CREATED: 1, Outcome.SKIPPED: 1}
    assert [(letter.offset, reject.reason) for letter, reject in manager.contents.dead] == [
        (0, DeadLetterReason.MALFORMED_JSON),
        (2, DeadLetterReason.TOMBSTONE),
    ]
    assert ingested.dead == Counter(
        {(REQUESTS, DeadLetterReason.MALFORMED_JSON): 1, (REQUESTS, DeadLetterReason.TOMBSTONE): 1}
    )


async def test_durations_are_told_by_final_status(manager: Manager) -> None:
    ingested = await manager.receive(
        *numbered([
            request(),
            report("started", headers={"timestamp": "2026-03-01T12:00:01Z"}),
            report("failed", {"error": "e"}, headers={"timestamp": "2026-03-01T12:00:03.5Z"}),
        ])
    )  # fmt: skip

    assert ingested.durations == {TaskStatus.ERROR: [2.5]}


async def test_counters_follow_the_status_in_the_hour_of_creation(manager: Manager, clock: FixedClock) -> None:
    await manager.receive(*numbered([request(), request(id=task_id(2))]))
    made = clock.now().replace(minute=0, second=0)
    clock.pass_seconds(7200)
    await manager.receive(report("completed"))

    counts = {key: count for key, count in manager.contents.counts.items() if count}
    assert counts == {(made, TaskStatus.NEW): 1, (made, TaskStatus.COMPLETED): 1}


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
