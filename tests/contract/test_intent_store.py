"""What writing in groups may expect of any store."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.application.changes import Changes
from taskmanager.application.decide_intents import IntentDecision
from taskmanager.application.intents import Intent
from taskmanager.application.ports import StoreConflict
from taskmanager.application.use_cases.writing.ports import Found, IntentStore, KeptAnswer
from taskmanager.application.use_cases.writing.unit import Claim, IdempotencyKey, StoredAnswer
from taskmanager.domain.status import TaskStatus
from taskmanager.infrastructure.postgres.intent_store import PostgresIntentStore
from taskmanager.infrastructure.postgres.loop_session import LoopSession
from taskmanager.infrastructure.postgres.session import Session
from tests.builders import at, create_command, report_command, task_id
from tests.fakes.intent_store import InMemoryIntentStore

NOW, LATER = at(61), at(600)
NAME = IdempotencyKey("key:tm_1", "order-4711")
ANSWER = StoredAnswer(201, {"ETag": '"1"', "Location": "/x"}, b'{"a": [1,  2.50, "\\u00e9 \xc3\xa9"]}')


def kept(answer: StoredAnswer = ANSWER, *, name: IdempotencyKey = NAME, expires_at: datetime = LATER) -> KeptAnswer:
    return KeptAnswer(Claim(name, "digest"), answer, expires_at)


@pytest.fixture
async def store(request: pytest.FixtureRequest, kind: str) -> AsyncIterator[IntentStore]:
    """A store with nothing in it but what the test puts there."""
    if kind == "memory":
        yield InMemoryIntentStore()
        return
    connect = parse_dsn(request.getfixturevalue("database").dsn("app"))
    session, quick = Session(connect, timeout=10), LoopSession(connect, timeout=10)
    yield PostgresIntentStore(session, quick, "0-api-00")
    await session.close()
    await quick.close()


def decided(*intents: Intent, found: Found | None = None) -> Changes:
    changes = Changes(at(60), {})
    decision = IntentDecision({} if found is None else found.tasks, changes)
    for intent in intents:
        decision.decide(intent)
    return changes


async def write_new(store: IntentStore, *numbers: int, answers: Sequence[KeptAnswer] = ()) -> None:
    intents = [Intent(create_command(id=task_id(number), source=None, actor="p")) for number in numbers]
    await store.write_new(store.serialise(decided(*intents), answers))


async def look(store: IntentStore, *numbers: int, keys: Sequence[IdempotencyKey] = (), now: datetime = NOW) -> Found:
    async with store.transaction() as transaction:
        return await transaction.look([task_id(number) for number in numbers], keys, now)


async def test_new_tasks_are_found(store: IntentStore) -> None:
    await write_new(store, 1, 2)
    found = await look(store, 1, 2, 3)
    assert found.tasks.keys() == {task_id(1), task_id(2)}
    assert found.kept == {}


async def test_an_answer_comes_back_byte_by_byte(store: IntentStore) -> None:
    await write_new(store, 1, answers=[kept()])
    assert (await look(store, keys=[NAME])).kept == {NAME: kept()}


async def test_an_answer_without_a_body_comes_back_so(store: IntentStore) -> None:
    await write_new(store, 1, answers=[kept(StoredAnswer(204, {}))])
    assert (await look(store, keys=[NAME])).kept[NAME].answer == StoredAnswer(204, {})


async def test_keys_of_others_are_left_out(store: IntentStore) -> None:
    same_key, same_principal = IdempotencyKey("other", NAME.key), IdempotencyKey(NAME.principal, "other")
    await write_new(store, 1, answers=[kept(), kept(name=same_key), kept(name=same_principal)])
    assert (await look(store, keys=[same_key])).kept.keys() == {same_key}


async def test_a_key_that_is_there_is_a_conflict_and_then_nothing_is_written(store: IntentStore) -> None:
    await write_new(store, 1, answers=[kept()])
    with pytest.raises(StoreConflict):
        await write_new(store, 2, answers=[kept(name=IdempotencyKey("p", "new")), kept()])
    found = await look(store, 2, keys=[IdempotencyKey("p", "new")])
    assert (found.tasks, found.kept) == ({}, {})


async def test_a_task_that_is_there_is_a_conflict(store: IntentStore) -> None:
    await write_new(store, 1)
    with pytest.raises(StoreConflict):
        await write_new(store, 2, 1, answers=[kept()])
    found = await look(store, 2, keys=[NAME])
    assert (found.tasks, found.kept) == ({}, {})


async def test_a_key_that_has_expired_makes_way_only_for_whoever_looks(store: IntentStore) -> None:
    await write_new(store, 1, answers=[kept(expires_at=at(60))])
    with pytest.raises(StoreConflict):
        await write_new(store, 2, answers=[kept()])
    async with store.transaction() as transaction:
        assert (await transaction.look([task_id(1)], [NAME], at(60))).kept == {}
        await transaction.commit(store.serialise(decided(), [kept()]))
    assert (await look(store, keys=[NAME])).kept == {NAME: kept()}


async def test_what_is_not_committed_has_no_effect(store: IntentStore) -> None:
    await write_new(store, 1, answers=[kept(expires_at=at(60))])
    await look(store, 1, keys=[NAME], now=at(60))  # frees the key, and leaves
    assert (await look(store, keys=[NAME], now=at(60) - timedelta(seconds=1))).kept.keys() == {NAME}


async def test_changes_and_answers_are_written_together(store: IntentStore) -> None:
    await write_new(store, 1)
    async with store.transaction() as transaction:
        found = await transaction.look([task_id(1)], [NAME], at(61))
        report = Intent(report_command(TaskStatus.COMPLETED, source=None, actor="p"))
        await transaction.commit(store.serialise(decided(report, found=found), [kept()]))
    found = await look(store, 1, keys=[NAME])
    assert found.tasks[task_id(1)].status is TaskStatus.COMPLETED
    assert found.kept.keys() == {NAME}


async def test_room_is_made_where_there_is_none(store: IntentStore) -> None:
    assert await store.make_room() >= 0
