"""The client against the real thing: every call, and what it gets back."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest

from taskmanager.client import Conflict, NotFound, Outdated, TaskManagerClient, ValidationFailed

from .conftest import NEW


async def test_a_task_through_its_life(client: TaskManagerClient) -> None:
    task = await client.create(NEW)
    assert (task.status, task.version, task.metadata) == ("new", 1, {"campaign": "spring"})
    started = await client.update_status(task.id, "started", worker="w-1", progress=0.5, if_match=1)
    assert (started.status, started.progress) == ("in_progress", 0.5)
    failed = await client.update_status(task.id, "error", error="gone", retryable=True)
    again = await client.retry(failed.id)
    assert (again.status, again.attempt) == ("new", 2)
    done = await client.update_status(task.id, "completed", result={"offers": [1, 2]}, attempt=2)
    assert done.result is not None
    assert msgspec.json.decode(done.result) == {"offers": [1, 2]}
    assert await client.get(task.id) == done
    assert (await client.get(task.id, as_of=3)).error == "gone"
    kinds = [(entry.type, entry.status) async for entry in client.history(task.id, page_size=2)]
    assert kinds == [
        ("TaskCreated", "new"), ("TaskStarted", "in_progress"), ("TaskFailed", "error"), ("TaskRetried", "new"),
        ("TaskCompleted", "completed"),
    ]  # fmt: skip
    await client.delete(task.id)
    with pytest.raises(NotFound):
        await client.get(task.id)


async def test_what_is_not_allowed_is_told_with_its_reason(client: TaskManagerClient) -> None:
    task = await client.create(NEW)
    await client.update_status(task.id, "completed", result="9 to 17")
    with pytest.raises(Conflict) as told:
        await client.cancel(task.id)
    assert told.value.reason == "invalid_transition"
    assert told.value.request_id
    with pytest.raises(Outdated):
        await client.update_status(task.id, "error", error="late", if_match=1)
    with pytest.raises(ValidationFailed) as wrong:
        await client.create(msgspec.structs.replace(NEW, user_email="ann at example.com"))
    assert [problem.path for problem in wrong.value.errors] == ["userEmail"]


async def test_many_tasks_are_created_listed_and_counted(client: TaskManagerClient) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    mixed = [
        msgspec.structs.replace(NEW, user_query=" " if number == 1234 else f"q {number}") for number in range(1500)
    ]
    outcomes = [outcome async for outcome in client.create_many(mixed, partial=True)]
    assert [outcome.index for outcome in outcomes if outcome.id is None] == [1234]
    assert outcomes[1234].errors[0].path == "userQuery"
    ids = {outcome.id for outcome in outcomes if outcome.id}
    listed = [task async for task in client.list_tasks(status=["new"], metadata={"campaign": "spring"}, page_size=400)]
    assert {task.id for task in listed} == ids
    assert all(first.created_at >= second.created_at for first, second in pairwise(listed))
    assert len([task async for task in client.tasks_of("ann@example.com", created_after=began)]) == 1499
    assert [task.user_query async for task in client.list_tasks(text="Q 777")] == ["q 777"]
    assert [task async for task in client.list_tasks(host="example.org")] == []
    figures = await client.statistics(hours=1)
    assert (figures.total, figures.tasks["new"]) == (1499, 1499)
    assert (await client.statistics(user_email="ann@example.com")).total == 1499


async def test_a_batch_with_a_mistake_is_not_created(client: TaskManagerClient) -> None:
    batch = [NEW, msgspec.structs.replace(NEW, original_url="ftp://example.com/")]
    with pytest.raises(ValidationFailed) as told:
        await anext(client.create_many(batch))
    assert [problem.path for problem in told.value.errors] == ["tasks[1].originalUrl"]
    assert [task async for task in client.list_tasks()] == []


async def test_one_key_is_one_task(client: TaskManagerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskmanager.client.calls.uuid4", lambda: "always-the-same")
    first, second = await client.create(NEW), await client.create(NEW)
    assert first == second
    assert len([task async for task in client.list_tasks()]) == 1


async def test_events_are_told_live_and_by_pages(client: TaskManagerClient) -> None:
    async with client.stream(status=["completed"], user_email="ann@example.com") as stream:
        task = await client.create(NEW)
        await client.update_status(task.id, "completed", result="9 to 17")
        event = await anext(stream)
    assert (event.task_id, event.type, event.data["result"]) == (task.id, "TaskCompleted", "9 to 17")
    logged = [each async for each in client.events(task_id=task.id, page_size=1)]
    assert logged[-1] == event
    assert [each.type for each in logged] == ["TaskCreated", "TaskCompleted"]


async def test_the_end_of_a_task_is_waited_for(client: TaskManagerClient) -> None:
    task = await client.create(NEW)
    waiting = asyncio.create_task(client.wait(task.id))
    await client.update_status(task.id, "in_progress")
    await client.cancel(task.id)
    async with asyncio.timeout(20):
        assert (await waiting).status == "cancelled"


async def test_health_is_read(client: TaskManagerClient) -> None:
    assert (await client.health("live")).is_healthy
    detailed = await client.health("detailed")
    assert detailed.checks["database"]["status"] == "healthy"


async def test_operations_change_many_tasks(client: TaskManagerClient) -> None:
    ids = [outcome.id async for outcome in client.create_many([NEW] * 30)]
    assert (await client.operations.preview("cancel", user_email="ann@example.com")).changed == 30
    begun = await client.operations.start("cancel", metadata={"campaign": "spring"})
    async with asyncio.timeout(30):
        done = await client.operations.wait(begun.id)
    assert (done.state, done.changed, done.refused) == ("completed", 30, 0)
    assert {task.id async for task in client.list_tasks(status="cancelled")} == set(ids)
    assert [each.id async for each in client.operations.list_operations()] == [done.id]
