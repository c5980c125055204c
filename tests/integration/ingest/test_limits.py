"""What a transaction takes on at most, and what it does where the log has no room."""

from collections.abc import Callable

import pytest

from taskmanager.application.ports import NO_ROOM, StoreUnavailable
from taskmanager.infrastructure.postgres import task_store
from taskmanager.infrastructure.postgres.task_store import PostgresTaskStore
from tests.builders import task_id
from tests.fakes.batches import numbered
from tests.fakes.messages import report, request
from tests.integration.ingest.conftest import Open
from tests.integration.ingest.writers import Writer, broken_promises
from tests.scratch import ScratchDatabase


async def test_parked_reports_beyond_some_bytes_are_left_for_the_next_transaction(
    writer: Callable[..., Writer], session: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_store, "_PARKED_BYTES", 1000)
    consumer = writer()
    early = numbered([report("completed", {"result": "x" * 600}, id=task_id(number)) for number in range(5)])
    await consumer.register(early)
    await consumer.write(early)
    ids = [task_id(number) for number in range(5)]
    async with PostgresTaskStore(session(), "other").transaction() as transaction:
        snapshot = await transaction.load([], ids, ids)

    # The first that goes beyond is still taken, so that a large one alone cannot stand still.
    assert list(snapshot.parked) == ids[:2]


async def test_a_log_without_room_is_no_fault_of_the_message(
    writer: Callable[..., Writer], database: ScratchDatabase
) -> None:
    consumer = writer()
    messages = numbered([request()])
    await consumer.register(messages)
    database.run("select setval('task_events_seq', 999999999999)", role="superuser")
    with pytest.raises(StoreUnavailable) as caught:
        await consumer.write(messages)
    assert caught.value.kind == NO_ROOM

    database.run("select setval('task_events_seq', 1)", role="superuser")
    await consumer.write(messages)
    assert broken_promises(database) == []
