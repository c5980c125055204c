"""The sweep finds what a batch could not see."""

import pytest

from taskmanager.application.changes import Outcome
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases import apply_parked
from tests.builders import task_id
from tests.fakes.batches import numbered
from tests.fakes.manager import Manager
from tests.fakes.messages import report, request
from tests.fakes.task_store import InMemoryTaskStore


async def pass_unseen(manager: Manager, number: int = 1) -> None:
    """A task appears, but the transaction that made it did not see the report that was parked meanwhile."""
    await manager.receive(report("completed", id=task_id(number), offset=number))
    waiting, manager.contents.parked = manager.contents.parked, []
    await manager.receive(request(id=task_id(number), offset=number))
    manager.contents.parked = waiting


async def test_nothing_parked_is_nothing_to_do(manager: Manager, store: InMemoryTaskStore) -> None:
    assert await manager.sweep() == 0
    assert store.transactions == 0


async def test_a_report_without_its_task_waits_on(manager: Manager) -> None:
    await manager.receive(report("completed"))

    assert await manager.sweep() == 0
    assert len(manager.contents.parked) == 1


async def test_a_report_that_passed_its_task_unseen_is_applied(manager: Manager) -> None:
    await pass_unseen(manager)

    assert await manager.sweep() == 1
    assert manager.history == ["TaskCreated", "TaskCompleted"]
    assert manager.contents.parked == []
    assert manager.outcomes() == {Outcome.PARKED: 1, Outcome.CREATED: 1, Outcome.SKIPPED: 2}


async def test_a_batch_that_touches_the_task_does_not_wait_for_the_sweep(manager: Manager) -> None:
    await pass_unseen(manager)
    await manager.receive(report("completed", offset=2))

    assert manager.history == ["TaskCreated", "TaskCompleted"]
    assert manager.outcomes()[Outcome.DUPLICATE] == 1


async def test_it_walks_through_many_by_stretches_and_starts_over(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_parked, "STRETCH", 2)
    for number in range(1, 4):
        await manager.receive(report("completed", id=task_id(100 + number), offset=100 + number))
    await pass_unseen(manager, 200)

    assert [await manager.sweep() for _ in range(4)] == [0, 1, 0, 0]
    await pass_unseen(manager, 201)
    assert sum([await manager.sweep() for _ in range(3)]) == 1


async def test_a_refused_row_does_not_hold_up_the_others(manager: Manager, store: InMemoryTaskStore) -> None:
    messages = numbered([report("completed", id=task_id(number)) for number in range(5)])
    await manager.receive(*messages)
    waiting, manager.contents.parked = manager.contents.parked, []
    await manager.receive(*numbered([request(id=task_id(number)) for number in range(5)]))
    manager.contents.parked = waiting
    store.refuses = {task_id(3)}

    assert await manager.sweep() == 4
    assert manager.contents.parked == []
    ((message, reject),) = manager.contents.dead
    assert (message.offset, reject.reason, reject.task_id) == (3, DeadLetterReason.REFUSED_BY_DATABASE, task_id(3))


async def test_a_failed_sweep_looks_at_the_same_stretch_again(manager: Manager, store: InMemoryTaskStore) -> None:
    await pass_unseen(manager)

    def before(step: str) -> None:
        raise StoreUnavailable("gone", "08")

    store.before = before
    with pytest.raises(StoreUnavailable):
        await manager.sweep()
    store.before = lambda step: None

    assert await manager.sweep() == 1
