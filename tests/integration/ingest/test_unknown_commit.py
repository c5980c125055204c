"""A COMMIT whose answer is lost takes effect exactly once, whichever way it went."""

import asyncio
from collections.abc import Callable

import pytest

from taskmanager.application.commands import InboundMessage
from taskmanager.application.ports import StoreUnavailable
from taskmanager.infrastructure.postgres import task_store
from tests.builders import task_id
from tests.fakes.batches import numbered
from tests.fakes.messages import report, request
from tests.integration.ingest.conftest import Open
from tests.integration.ingest.proxy import Fault, FaultyProxy
from tests.integration.ingest.writers import Writer, broken_promises, effects, pass_unseen
from tests.scratch import ScratchDatabase

_Make = Callable[..., Writer]
_REQUESTS = numbered([request(), request(id=task_id(2))])
_AND_REPORTS = numbered([request(), report("started"), report("completed")])
# Requests alone are written without looking first, in a transaction of another shape.
_both_shapes = pytest.mark.parametrize(
    ("messages", "expected"), [(_REQUESTS, (2, 2, 2)), (_AND_REPORTS, (1, 3, 3))], ids=["requests", "reports too"]
)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_store, "_SETTLE_PAUSES", (0.001,))


@_both_shapes
async def test_an_answer_that_is_lost_after_the_commit_is_found_out(
    writer: _Make, through: Open, proxy: FaultyProxy, database: ScratchDatabase,
    messages: list[InboundMessage], expected: tuple[int, int, int],
) -> None:  # fmt: skip
    consumer = writer(through())
    await consumer.register(messages)
    proxy.inject(Fault.CUT_AFTER)
    ingested = await consumer.write(messages)

    assert proxy.happened == {Fault.CUT_AFTER: 1}
    assert proxy.accepted == 2
    assert sum(sum(moved.outcomes.values()) for moved in ingested.progress.values()) == len(messages)
    assert effects(database) == expected
    assert broken_promises(database) == []


@_both_shapes
async def test_a_commit_that_never_arrived_is_to_be_tried_again(
    writer: _Make, through: Open, proxy: FaultyProxy, database: ScratchDatabase,
    messages: list[InboundMessage], expected: tuple[int, int, int],
) -> None:  # fmt: skip
    consumer = writer(through())
    await consumer.register(messages)
    proxy.inject(Fault.CUT_BEFORE)
    with pytest.raises(StoreUnavailable):
        await consumer.write(messages)
    assert proxy.happened == {Fault.CUT_BEFORE: 1}
    assert effects(database) == (0, 0, 0)

    await consumer.write(messages)
    assert effects(database) == expected


async def test_a_parked_report_is_applied_once_though_the_answer_of_the_sweep_is_lost(
    writer: _Make, through: Open, proxy: FaultyProxy, database: ScratchDatabase
) -> None:
    consumer, other, third = writer(through()), writer(), writer()
    await other.register([request(), report()])
    await pass_unseen(other, third, task_id())
    assert effects(database) == (1, 1, 2)
    proxy.inject(Fault.CUT_BEFORE, Fault.CUT_AFTER)

    with pytest.raises(StoreUnavailable):
        await consumer.sweep()
    assert await consumer.sweep() == 1
    assert await consumer.sweep() == 0
    assert sum(proxy.happened.values()) == 2
    assert effects(database) == (1, 2, 2)
    assert broken_promises(database) == []


@pytest.mark.parametrize(("fault", "is_committed"), [(Fault.FREEZE_BEFORE, False), (Fault.FREEZE_AFTER, True)])
async def test_a_server_that_answers_no_more_is_left_and_asked_by_another_connection(
    writer: _Make, through: Open, proxy: FaultyProxy, database: ScratchDatabase, fault: Fault, is_committed: bool
) -> None:
    consumer = writer(through(timeout=0.5))
    await consumer.register(_REQUESTS)
    proxy.inject(fault)
    writing = asyncio.create_task(consumer.write(_REQUESTS))
    await asyncio.wait_for(proxy.accepted_another.wait(), 10)
    proxy.thaw()
    (result,) = await asyncio.gather(writing, return_exceptions=True)

    assert proxy.happened == {fault: 1}
    assert isinstance(result, StoreUnavailable) is not is_committed
    assert effects(database) == ((2, 2, 2) if is_committed else (0, 0, 0))
    await consumer.receive(_REQUESTS)
    assert effects(database) == (2, 2, 2)
    assert broken_promises(database) == []


async def test_a_network_that_fails_at_every_commit_loses_and_doubles_nothing(
    writer: _Make, through: Open, proxy: FaultyProxy, database: ScratchDatabase
) -> None:
    consumer = writer(through())
    messages = numbered(
        [request(id=task_id(number), partition=number % 3) for number in range(40)]
        + [report("started", id=task_id(number // 2), partition=number % 2) for number in range(40)]
    )
    faults = [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.CUT_AFTER, Fault.CUT_BEFORE] * 4
    proxy.inject(*faults)
    for low in range(0, len(messages), 10):
        for _ in range(10):
            try:
                await consumer.receive(messages[low : low + 10])
            except StoreUnavailable:
                continue
            break

    assert sum(proxy.happened.values()) >= 8
    tasks, _, offsets = effects(database)
    assert (tasks, offsets) == (40, 80)
    assert broken_promises(database) == []


async def test_a_server_that_does_not_know_the_transaction_did_not_commit_it(writer: _Make) -> None:
    consumer = writer()
    async with consumer.store.transaction() as transaction:
        await transaction.load([], [], [])
        transaction._xid = str(2**62)

        assert not await transaction._was_committed()
