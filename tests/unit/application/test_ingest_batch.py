"""What becomes of messages, batch by batch."""

from collections import Counter

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import Partition
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.domain.errors import RefusalReason
from taskmanager.domain.status import TaskStatus
from tests.builders import state_of, task_id
from tests.fakes.batches import numbered
from tests.fakes.clock import FixedClock
from tests.fakes.manager import Manager
from tests.fakes.messages import REQUESTS, STATUSES, body, report, request


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
