"""Operations change the tasks that are meant, each once, and tell how far they are."""

from collections.abc import Callable
from typing import Any

import pytest

from taskmanager.application.bulk_model import OperationState, Preview, Tally
from taskmanager.application.use_cases.bulk.ports import Limits
from taskmanager.application.use_cases.writing.unit import Claim, IdempotencyKey, KeyReused, Overloaded
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import UserEmail
from tests.builders import at, task_id
from tests.scratch import ScratchDatabase

from .conftest import Process, by_status, order

Tasks = Callable[..., Any]
Processes = Callable[..., Process]


@pytest.mark.parametrize(
    ("action", "tally", "after"),
    [
        ("cancel", Tally(20, 10, 20), {"completed": 10, "error": 10, "cancelled": 30}),
        ("retry", Tally(20, 0, 30), {"new": 30, "in_progress": 10, "completed": 10}),
        ("delete", Tally(30, 0, 20), {"new": 10, "in_progress": 10, "deleted": 30}),
    ],
)
async def test_every_task_is_decided_upon_once_by_the_state_machine(
    process: Processes, tasks: Tasks, database: ScratchDatabase, findings: Any, action: str, tally: Tally, after: Any
) -> None:
    await tasks(50)
    one = process()
    foreseen = await one.preview(action)
    operation = await one.begin(action)
    assert (operation.state, operation.started_at, one.wakes) == (OperationState.PENDING, None, 1)
    chunks = await one.run()
    done = await one.state(operation)
    assert (done.state, done.tally, done.failure) == (OperationState.COMPLETED, tally, None)
    assert foreseen == Preview(tally, is_complete=True)
    assert chunks >= 50 // 4
    assert by_status(database) == after
    events = "select count(*) from task_events where actor = 'key:ann' and type <> 'TaskCreated'"
    assert database.value(events) == tally.changed
    assert findings() == {}


async def test_what_is_cancelled_is_counted_among_the_settled(process: Processes, tasks: Tasks) -> None:
    await tasks(10)
    one = process()
    await one.begin("cancel")
    await one.run()
    assert one.observed.settled_tasks == {TaskStatus.CANCELLED: 4}


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        ({"status": ("error",)}, [4, 9, 14, 19, 24, 29]),
        ({"status": ("error", "cancelled"), "user_email": "user0@example.com"}, [4, 10, 14, 20, 24, 30]),
        ({"user_email": "user1@example.com", "status": ("completed",)}, [3, 13, 23]),
        ({"host": "example.com", "ids": tuple(map(task_id, (4, 5, 99)))}, [4, 5]),
        ({"host": "example.com", "status": ("cancelled",)}, [5, 10, 15, 20, 25, 30]),
        ({"host": "example.org"}, []),
        ({"metadata": {"team": "red"}, "status": ("error",)}, [4, 9, 14, 19, 24, 29]),
        ({"metadata": {"team": "red", "more": "x"}}, []),
        ({"created_after": at(31), "status": ("error",)}, [14, 19, 24, 29]),
        ({"created_before": at(31), "status": ("error", "cancelled")}, [4, 5, 9, 10]),
        ({"ids": tuple(map(task_id, (1, 3, 4, 4711)))}, [4]),
    ],
)
async def test_only_tasks_that_satisfy_every_condition_are_changed(
    process: Processes, tasks: Tasks, database: ScratchDatabase, selection: dict[str, Any], numbers: list[int]
) -> None:
    await tasks(30, metadata={"team": "red"})
    one = process()
    foreseen = await one.preview("delete" if numbers == [3, 13, 23] else "retry", **selection)
    action = "delete" if numbers == [3, 13, 23] else "retry"
    operation = await one.begin(action, **selection)
    await one.run()
    touched = database.run("select distinct task_id::text from task_events where actor = 'key:ann' order by 1")
    assert [task for (task,) in touched] == [task_id(number) for number in numbers]
    done = await one.state(operation)
    assert done.tally.changed == len(numbers) == foreseen.tally.changed
    assert done.order.selection == order(action, "", None, **selection).selection


async def test_ids_that_no_task_has_are_told_at_the_end(process: Processes, tasks: Tasks) -> None:
    await tasks(5)
    one = process()
    operation = await one.begin("retry", ids=tuple(map(task_id, (4, 98, 99))))
    assert operation.not_found is None
    await one.run()
    assert (await one.state(operation)).not_found == 2


async def test_tasks_of_later_are_not_meant(process: Processes, tasks: Tasks, database: ScratchDatabase) -> None:
    one = process()
    one.clock.pass_seconds(-89)
    operation = await one.begin("cancel")
    one.clock.pass_seconds(89)
    await tasks(20)
    await one.run()
    assert (await one.state(operation)).tally == Tally(4, 2, 4)  # those of the first batch
    assert by_status(database)["cancelled"] == 8


async def test_one_user_changes_and_sees_their_own_alone(
    process: Processes, tasks: Tasks, database: ScratchDatabase
) -> None:
    await tasks(20)
    one = process()
    ann, bob = UserEmail("user0@example.com"), UserEmail("user1@example.com")
    mine = await one.begin("delete", owner=ann)
    foreign = await one.begin("delete", owner=ann, user_email=bob)
    of_ids = await one.begin("delete", owner=ann, ids=tuple(map(task_id, range(1, 21))))
    await one.run()
    tallies = [(await one.state(each)).tally for each in (mine, foreign, of_ids)]
    assert sum(tally.changed for tally in tallies) == 6
    assert tallies[1] == Tally()
    assert (
        database.value("select count(*) from web_crawl_tasks where deleted_at is not null and user_email <> %s", (ann,))
        == 0
    )
    assert await one.preview("delete", owner=ann, user_email=bob) == Preview(Tally(), is_complete=True)
    assert await one.follow.find(mine.id, bob) is None
    assert await one.follow.cancel(mine.id, bob) is None
    assert await one.follow.page(bob, None, 10) == []
    assert [each.id for each in await one.follow.page(ann, None, 10)] == [of_ids.id, foreign.id, mine.id]


async def test_a_cancelled_operation_goes_no_further(
    process: Processes, tasks: Tasks, database: ScratchDatabase, findings: Any
) -> None:
    await tasks(30)
    one = process()
    operation = await one.begin("delete", status=("completed", "error"))
    assert await one.advance()
    cancelled = await one.follow.cancel(operation.id, None)
    assert cancelled is not None
    assert (cancelled.state, cancelled.tally) == (OperationState.CANCELLED, Tally(4, 0, 0))
    assert cancelled.finished_at is not None
    assert await one.run() == 0
    assert await one.follow.cancel(operation.id, None) == cancelled
    assert by_status(database)["deleted"] == 4
    assert findings() == {}


async def test_operations_take_turns(process: Processes, tasks: Tasks) -> None:
    await tasks(40)
    one = process()
    long = await one.begin("delete")
    one.clock.pass_seconds(1)
    short = await one.begin("cancel", ids=(task_id(1),))
    for _ in range(2):
        one.clock.pass_seconds(1)
        await one.advance()
    assert (await one.state(short)).state is OperationState.COMPLETED
    assert (await one.state(long)).state is OperationState.RUNNING


async def test_the_same_request_begins_one_operation(process: Processes) -> None:
    one, other = process(), process()
    claim = Claim(IdempotencyKey("key:ann", "k-1"), "digest")
    first = await one.start(order("delete", "key:ann", None), claim)
    assert await other.start(order("delete", "key:ann", None), claim) == first
    with pytest.raises(KeyReused):
        await one.start(order("cancel", "key:ann", None), claim._replace(digest="another"))
    elsewhere = await one.start(order("delete", "key:bob", None), Claim(IdempotencyKey("key:bob", "k-1"), "digest"))
    assert elsewhere.id != first.id


async def test_nobody_has_more_than_some_operations_open(process: Processes) -> None:
    one = process()
    for _ in range(3):
        await one.begin("delete")
    with pytest.raises(Overloaded, match="3 of your operations are not over"):
        await one.begin("delete")
    await one.begin("delete", actor="key:bob")
    await one.run()
    await one.begin("delete")


async def test_a_preview_of_too_many_tasks_says_that_there_may_be_more(process: Processes, tasks: Tasks) -> None:
    await tasks(40)
    one = process(Limits(walk=2, tasks=1))
    foreseen = await one.preview("delete", status=("completed",))
    assert foreseen == Preview(Tally(8, 0, 0), is_complete=True)
    foreseen = await process(Limits(walk=1, tasks=1)).preview("delete")
    assert foreseen.is_complete
    one._preview._stretches_max = 5
    assert await one.preview("delete", status=("completed",)) == Preview(Tally(5, 0, 0), is_complete=False)
