"""Whatever dies, each task is changed once, and what is counted is what happened."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from taskmanager.application.bulk_model import Operation, OperationState, Tally
from taskmanager.application.changes import Changes
from taskmanager.application.ports import StoreError, StoreUnavailable
from taskmanager.application.use_cases.bulk.ports import Progress
from taskmanager.infrastructure.postgres.bulk_store import PostgresChunkStore, PostgresChunkTransaction, SerialisedChunk
from tests.builders import task_id
from tests.integration.ingest.proxy import Fault, FaultyProxy
from tests.scratch import ScratchDatabase

from .conftest import Process, by_status

Tasks = Callable[..., Any]
Processes = Callable[..., Process]
_RULE = """
create function refuse() returns trigger language plpgsql as $$
begin
    if new.id = '%s' then raise exception 'a rule' using errcode = '23514', constraint = 'house_rule'; end if;
    return new;
end $$;
create trigger refuse before update on web_crawl_tasks for each row execute function refuse();
"""


async def _until_done(process: Process, operation: Operation) -> int:
    """Advances as a runner does that is not discouraged; how often the database did not answer.

    A server that has not yet noticed a cut keeps the operation locked for a moment: then there is nothing to advance.
    """
    failures = 0
    async with asyncio.timeout(60):
        while (await process.state(operation)).state is not OperationState.COMPLETED:
            try:
                await process.advance()
            except StoreUnavailable:
                failures += 1
    return failures


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER])
async def test_a_connection_that_breaks_at_every_other_commit_loses_and_doubles_nothing(
    process: Processes,
    tasks: Tasks,
    database: ScratchDatabase,
    findings: Any,
    proxy: FaultyProxy,
    fault: Fault,
) -> None:
    await tasks(50)
    far = process(through={"port": proxy.port, "sslmode": "disable", "gssencmode": "disable"})
    operation = await far.begin("retry")
    proxy.inject(*[fault] * 5)
    # A cut that meets the question what became of an earlier COMMIT fails nothing more.
    assert 0 < await _until_done(far, operation) <= 5
    assert proxy.happened == {fault: 5}
    done = await far.state(operation)
    assert (done.state, done.tally) == (OperationState.COMPLETED, Tally(20, 0, 30))
    assert database.value("select count(*) from task_events where type = 'TaskRetried'") == 20
    assert findings() == {}


async def test_a_process_that_is_killed_in_the_transaction_leaves_the_chunk_to_the_next(
    process: Processes, tasks: Tasks, database: ScratchDatabase, findings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tasks(50)
    dying, next_one = process(), process()
    operation = await dying.begin("cancel")
    assert await dying.advance()

    async def die(self: PostgresChunkTransaction, _serialised: SerialisedChunk) -> None:
        ((backend,),) = await self._session.execute("select pg_backend_pid()")
        database.run("select pg_terminate_backend(%s, 5000)", (backend,), role="superuser")
        raise StoreUnavailable("killed")

    with monkeypatch.context() as killing:
        killing.setattr(PostgresChunkTransaction, "commit", die)
        with pytest.raises(StoreUnavailable, match="killed"):
            await dying.advance()
    assert (await next_one.state(operation)).tally.matched == 4
    await next_one.run()
    done = await next_one.state(operation)
    assert (done.state, done.tally) == (OperationState.COMPLETED, Tally(20, 10, 20))
    assert findings() == {}


async def test_two_processes_share_the_work(
    process: Processes, tasks: Tasks, database: ScratchDatabase, findings: Any
) -> None:
    await tasks(100, batch=50)
    one, two = process(), process()
    operations = [await one.begin("retry"), await one.begin("delete", status=("completed",))]
    chunks = await asyncio.gather(one.run(), two.run())
    if not all(chunks):  # whoever found both operations in the other's hands has gone home
        await one.run()
    states = [await one.state(operation) for operation in operations]
    assert [state.state for state in states] == [OperationState.COMPLETED] * 2
    assert states[1].tally == Tally(20, 0, 0)
    assert states[0].tally.changed == 40
    assert database.value("select count(*) from task_events where type = 'TaskRetried'") == 40
    assert database.value("select count(distinct task_id) from task_events where actor = 'key:ann'") == 60
    assert findings() == {}


async def test_an_operation_in_another_process_s_hands_is_left_to_it(process: Processes, tasks: Tasks) -> None:
    await tasks(10)
    one, two = process(), process()
    operation = await one.begin("delete")
    async with one.store.transaction() as transaction:
        taken = await transaction.take()
        assert taken is not None
        assert taken.id == operation.id
        assert not await two.advance()
    assert await two.advance()


async def test_a_task_that_changes_before_it_is_locked_counts_by_what_it_is_then(
    process: Processes, tasks: Tasks, database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tasks(10)
    one, other = process(), process()
    slow = await one.begin("cancel", status=("new",))
    found = PostgresChunkTransaction.found

    async def overtaken(self: PostgresChunkTransaction, operation: Any, limits: Any) -> Any:
        answer = await found(self, operation, limits)
        database.run("update web_crawl_tasks set status = 'in_progress' where id = %s", (task_id(1),))
        return answer

    with monkeypatch.context() as racing:
        racing.setattr(PostgresChunkTransaction, "found", overtaken)
        await one.advance()
    await other.run()
    assert (await one.state(slow)).tally == Tally(1, 0, 0)
    assert by_status(database)["in_progress"] == 3


async def test_an_operation_that_gets_no_further_gives_way_to_others(
    process: Processes, tasks: Tasks, database: ScratchDatabase, findings: Any
) -> None:
    await tasks(20)
    one = process(through={"options": "-c lock_timeout=50"})
    stuck = await one.begin("delete", ids=tuple(task_id(number) for number in range(1, 9)))
    # Both are always at it in turn: what the one gets done must not keep the other from smaller steps.
    other = await one.begin("delete", ids=tuple(task_id(number) for number in range(9, 21)))
    with database.connected("app", autocommit=False) as holder:
        holder.cursor().execute("select from web_crawl_tasks where id = %s for update", (task_id(7),))
        one.clock.pass_seconds(1)
        # A chunk is four tasks: the first one is done, then each try is smaller than the one before.
        async with asyncio.timeout(60):
            while (await one.state(other)).state is not OperationState.COMPLETED:
                assert await one.advance()
                one.clock.pass_seconds(1)
        assert (await one.state(stuck)).tally.matched == 6, "all before the task that is held"
        assert await one.advance()
        assert (await one.state(stuck)).tally.matched == 6
        holder.rollback()
    await one.run()
    done = await one.state(stuck)
    assert (done.state, done.tally.matched) == (OperationState.COMPLETED, 8)
    assert findings() == {}


async def test_an_operation_that_the_database_refuses_fails_and_says_why(
    process: Processes, tasks: Tasks, database: ScratchDatabase, findings: Any
) -> None:
    await tasks(30)
    database.run(_RULE % task_id(14))
    one = process()
    operation = await one.begin("retry", status=("error",))
    later = await one.begin("delete", ids=(task_id(5),))
    await one.run()
    failed = await one.state(operation)
    assert failed.state is OperationState.FAILED
    assert failed.failure == "the database refuses a change: SQLSTATE 23514: a rule (house_rule)"
    assert failed.finished_at is not None
    assert database.value("select count(*) from task_events where type = 'TaskRetried'") == failed.tally.changed
    assert (await one.state(later)).state is OperationState.COMPLETED
    assert findings() == {}


async def test_a_defect_fails_the_operation_and_not_the_runner(
    process: Processes, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tasks(5)
    one = process()
    operation = await one.begin("retry")

    def broken(self: PostgresChunkStore, changes: Changes, progress: Progress) -> SerialisedChunk:
        raise KeyError("a defect")

    with monkeypatch.context() as defective:
        defective.setattr(PostgresChunkStore, "serialise", broken)
        assert await one.advance()
    assert (await one.state(operation)).failure == "an internal error; its log line names this operation"
    assert not await one.advance()


async def test_without_a_partition_for_its_events_the_operation_makes_one(
    process: Processes, tasks: Tasks, database: ScratchDatabase
) -> None:
    await tasks(10)
    one = process()
    operation = await one.begin("delete")
    database.run("select setval('task_events_seq', 300000000)")
    with pytest.raises(StoreError):
        await _without_room(one)
    await one.run()
    assert (await one.state(operation)).tally == Tally(6, 0, 4)


async def _without_room(process: Process) -> None:
    """The failure as the store tells it."""
    async with process.store.transaction() as transaction:
        operation = await transaction.take()
        assert operation is not None
        changes, progress = await process.advance._decide(transaction, operation)
        await transaction.commit(process.store.serialise(changes, progress))
