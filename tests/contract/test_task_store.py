"""What the write path may expect of any store."""

from collections.abc import Sequence

import pytest

from taskmanager.application.changes import Changes, Outcome
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.decide import Decision
from taskmanager.application.ports import Fenced, Snapshot, StoreConflict, TaskStore
from taskmanager.domain.state import outcome_digest
from taskmanager.domain.status import TaskStatus
from tests.builders import at, state_of, task_id
from tests.contract.adapters import Adapter
from tests.fakes.batches import batch_of, first_offsets, numbered
from tests.fakes.messages import REQUESTS, STATUSES, TOPIC_IDS, body, report, request

_HOUR = at(0)


async def write(
    store: TaskStore, messages: Sequence[InboundMessage], starts: dict[Partition, int] | None = None, now: float = 60
) -> Changes:
    """A batch as the use case writes it: load, decide, commit."""
    batch = batch_of(messages, starts)
    ids = sorted({command.id for command in batch.commands if getattr(command, "id", None)})  # type: ignore[union-attr]
    changes = Changes(at(now), batch.progress(at(now)))
    async with store.transaction() as transaction:
        Decision(await transaction.load(batch.claims(), ids, ids), changes).decide(batch.messages, batch.commands)
        await transaction.commit(store.serialise(changes))
    return changes


async def unseen(store: TaskStore, messages: Sequence[InboundMessage]) -> bool:
    """A batch of requests, written without looking."""
    batch = batch_of(messages)
    changes = Changes(at(60), batch.progress(at(60)))
    Decision(Snapshot({}, {}), changes).decide(batch.messages, batch.commands)
    return await store.write_unseen(batch.claims(), sorted(changes.created), store.serialise(changes))


async def begun(adapter: Adapter, *messages: InboundMessage) -> TaskStore:
    """A store that has ingested these messages, and knows the partitions of both topics."""
    await adapter.offsets.register(first_offsets([request(), request(partition=1), report(), report(partition=1)]))
    if messages:
        await write(adapter.store, messages)
    return adapter.store


async def test_a_commit_leaves_everything_of_every_kind(adapter: Adapter) -> None:
    store = await begun(adapter, *numbered([report("started", {"worker": "w"}), report("started")]))
    await write(
        store,
        [
            request(body(metadata={"a": "b"}), headers={"correlation_id": "c"}, offset=0),
            request(id=task_id(2), offset=1),
            request(id=task_id(2), offset=2),
            request(body(userQuery="other"), id=task_id(2), offset=3),
            request(b"{", id=task_id(2), offset=7, key=b"\0"),
            report("completed", offset=2),
            report("failed", {"error": "e", "retryable": True}, id=task_id(3), offset=3, headers={"attempt": "2"}),
        ],
        {Partition(REQUESTS, 0): 0},
    )
    held = adapter.held()

    task = held.tasks[task_id()]
    assert (task["status"], task["result"], task["version"], task["worker"]) == ("completed", "done", 3, "w")
    assert (task["metadata"], task["correlation_id"]) == ({"a": "b"}, "c")
    assert [(event["task_id"], event["version"], event["type"], event["source"]) for event in held.events] == [
        (task_id(1), 1, "TaskCreated", (REQUESTS, 0, 0)),
        (task_id(2), 1, "TaskCreated", (REQUESTS, 0, 1)),
        (task_id(1), 2, "TaskStarted", (STATUSES, 0, 0)),
        (task_id(1), 3, "TaskCompleted", (STATUSES, 0, 2)),
    ]
    assert held.counts == {(_HOUR, "new"): 1, (_HOUR, "completed"): 1}
    assert held.offsets[REQUESTS, 0]["outcomes"] == {
        "created": 2, "duplicate": 1, "refused": 1, "dead": 1, "skipped": 3,
    }  # fmt: skip
    assert held.offsets[REQUESTS, 0]["next_offset"] == 8
    assert held.offsets[REQUESTS, 0]["ingested_at"] == at(0)
    assert held.offsets[STATUSES, 0]["outcomes"] == {"parked": 3, "applied": 1}
    assert held.unparked == {(STATUSES, 0): {"heartbeat": 1}}
    assert [(letter["source"], letter["key"], letter["value"]) for letter in held.dead] == [
        ((REQUESTS, 0, 7), b"\0", b"{")
    ]
    assert [(parked["task_id"], parked["report"]["attempt"]) for parked in held.parked] == [(task_id(3), 2)]
    assert [(refused["reason"], refused["source"]) for refused in held.refused] == [
        ("conflicting_request", (REQUESTS, 0, 3))
    ]


@pytest.mark.parametrize(
    ("partition", "topic_id", "start"),
    [(0, TOPIC_IDS[REQUESTS], 1), (0, "another", 0), (9, TOPIC_IDS[REQUESTS], 0)],
    ids=["another offset", "another incarnation", "unknown partition"],
)
async def test_a_claim_that_does_not_hold_is_fenced(
    adapter: Adapter, partition: int, topic_id: str, start: int
) -> None:
    store = await begun(adapter)
    claim = batch_of([request(partition=partition, offset=start)]).claims()[0]._replace(topic_id=topic_id)
    good = batch_of([report()]).claims()[0]

    with pytest.raises(Fenced):
        async with store.transaction() as transaction:
            await transaction.load([claim, good], [], [])
    with pytest.raises(Fenced):
        await store.write_unseen([claim, good], [], store.serialise(Changes(at(0), {})))


async def test_after_a_fence_the_store_goes_on(adapter: Adapter) -> None:
    store = await begun(adapter, request())
    with pytest.raises(Fenced):
        await write(store, [request(id=task_id(2), offset=0)])

    await write(store, [request(id=task_id(2), offset=1)])
    assert len(adapter.held().tasks) == 2


async def test_a_transaction_that_fails_leaves_nothing(adapter: Adapter) -> None:
    store = await begun(adapter, request())
    before = adapter.held()

    async def fail() -> None:
        async with store.transaction() as transaction:
            await transaction.load(batch_of([request(offset=1)]).claims(), [task_id()], [task_id()])
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await fail()
    assert adapter.held() == before
    await write(store, [request(id=task_id(2), offset=1)])


async def test_only_the_tasks_and_reports_asked_for_are_loaded(adapter: Adapter) -> None:
    reports = [report("started", id=task_id(3), offset=0), report("completed", id=task_id(3), offset=1)]
    store = await begun(adapter, *numbered([request(), request(id=task_id(2))]), *reports)
    async with store.transaction() as transaction:
        snapshot = await transaction.load([], [task_id(2), task_id(9)], [task_id(1), task_id(3)])

    assert set(snapshot.tasks) == {task_id(2)}
    assert set(snapshot.parked) == {task_id(3)}
    assert [parked.report.status for parked in snapshot.parked[task_id(3)]] == [
        TaskStatus.IN_PROGRESS,
        TaskStatus.COMPLETED,
    ]


async def test_a_parked_report_comes_back_as_it_was(adapter: Adapter) -> None:
    content = {"error": "tab\t\n\\N ü", "retryable": False, "worker": "w"}
    headers = {"attempt": "3", "source": "worker-1", "correlation_id": "c", "timestamp": "2026-03-01T13:00:00.25+01:00"}
    sent = report("failed", content, headers=headers)
    store = await begun(adapter, sent)
    async with store.transaction() as transaction:
        ((parked,),) = (await transaction.load([], [], [task_id()])).parked.values()

    expected = batch_of([sent]).commands[0]
    assert tuple(parked.report.source or ())[:3] == (STATUSES, 0, 0)
    assert {name: getattr(parked.report, name) for name in expected.__struct_fields__ if name != "source"} == {
        name: getattr(expected, name) for name in expected.__struct_fields__ if name != "source"
    }


async def test_a_task_comes_back_with_all_but_the_texts_of_its_outcome(adapter: Adapter) -> None:
    created = request(body(metadata={"a": "ü"}), headers={"correlation_id": "c"})
    failed = report("error", {"error": "e", "retryable": False})
    store = await begun(adapter)
    changes = await write(store, numbered([created, report("started", {"worker": "w", "progress": 0.1}), failed]))
    async with store.transaction() as transaction:
        loaded = (await transaction.load([], [task_id()], [])).tasks[task_id()]

    written = changes.changed[task_id()]
    assert state_of(loaded) == {**state_of(written), "error": None, "outcome": outcome_digest("e")}


@pytest.mark.parametrize(("status", "text"), [("completed", "result"), ("error", "error")])
async def test_a_change_that_leaves_the_outcome_keeps_its_text(adapter: Adapter, status: str, text: str) -> None:
    store = await begun(adapter, *numbered([request(), report(status)]))
    async with store.transaction() as transaction:
        task = (await transaction.load([], [task_id()], [])).tasks[task_id()]
        deleted = task.delete(at=at(70), now=at(70))
        assert deleted is not None
        changes = Changes(at(70), {})
        changes.changed[task.id] = task
        await transaction.commit(store.serialise(changes))

    held = adapter.held().tasks[task_id()]
    assert (held[text], held["deleted_at"], held["version"]) == ("done", at(70), 3)


async def test_a_change_that_ends_the_outcome_removes_its_text(adapter: Adapter) -> None:
    store = await begun(adapter, *numbered([request(), report("error")]))
    async with store.transaction() as transaction:
        task = (await transaction.load([], [task_id()], [])).tasks[task_id()]
        task.retry(at=at(70), now=at(70))
        changes = Changes(at(70), {})
        changes.changed[task.id] = task
        await transaction.commit(store.serialise(changes))

    held = adapter.held().tasks[task_id()]
    assert (held["error"], held["status"], held["attempt"]) == (None, "new", 2)


async def test_writing_unseen_makes_tasks_and_moves_offsets(adapter: Adapter) -> None:
    store = await begun(adapter)

    assert await unseen(store, numbered([request(), request(id=task_id(2)), request(b"")]))
    held = adapter.held()
    assert len(held.tasks) == len(held.events) == 2
    assert held.offsets[REQUESTS, 0]["outcomes"] == {"created": 2, "dead": 1}


async def test_writing_unseen_gives_way_to_a_parked_report(adapter: Adapter) -> None:
    store = await begun(adapter, report("completed", id=task_id(2)))
    before = adapter.held()

    assert not await unseen(store, numbered([request(), request(id=task_id(2))]))
    assert adapter.held() == before


async def test_a_task_that_exists_is_a_conflict_and_nothing_is_written(adapter: Adapter) -> None:
    store = await begun(adapter, request())
    before = adapter.held()
    with pytest.raises(StoreConflict):
        await unseen(store, [request(id=task_id(2), offset=1), request(offset=2)])

    assert adapter.held() == before


async def test_counts_of_several_writers_add_up(adapter: Adapter) -> None:
    store = await begun(adapter, *numbered([request(), report("started"), report("started", partition=1)]))
    second = adapter.second_store()
    await write(second, [request(id=task_id(2), partition=1), report("completed", offset=1)])
    await write(store, [report("completed", offset=2), report("failed", {"error": "e"}, id=task_id(2), offset=3)])

    held = adapter.held()
    assert held.counts == {(_HOUR, "completed"): 1, (_HOUR, "error"): 1}
    assert held.offsets[STATUSES, 0]["outcomes"] == {
        Outcome.APPLIED: 3, Outcome.DUPLICATE: 1,
    }  # fmt: skip


async def test_the_search_for_parked_reports_with_a_task_goes_by_stretches(adapter: Adapter) -> None:
    store = await begun(adapter)
    await write(store, numbered([report("completed", id=task_id(number)) for number in (4, 1, 3, 1)]))
    waiting = await store.tasks_with_parked_reports(0, 10)
    assert waiting[1] == []
    # The task appears in a transaction that does not look for parked reports.
    batch = batch_of([request(id=task_id(1)), request(id=task_id(3), offset=1)])
    changes = Changes(at(60), batch.progress(at(60)))
    Decision(Snapshot({}, {}), changes).decide(batch.messages, batch.commands)
    async with store.transaction() as transaction:
        await transaction.load(batch.claims(), [], [])
        await transaction.commit(store.serialise(changes))

    first, ids = await store.tasks_with_parked_reports(0, 2)
    assert ids == [task_id(1)]
    second, ids = await store.tasks_with_parked_reports(first or 0, 2)
    assert ids == [task_id(1), task_id(3)]
    assert await store.tasks_with_parked_reports(second or 0, 2) == (None, [])
