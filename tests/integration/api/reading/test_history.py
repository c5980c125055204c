"""The audit trail of a task, and the task as it was."""

from collections.abc import Sequence
from typing import Any

import pytest
from psycopg2.extras import execute_values

from taskmanager.application.principal import ANONYMOUS, Principal, Role
from taskmanager.application.read_model import task_view
from taskmanager.application.task_history import TrailEntry, TrailPosition
from taskmanager.application.use_cases.reading.cursors import Cursors
from taskmanager.application.use_cases.reading.read_trail import ReadTrail
from taskmanager.application.use_cases.reading.recall_task import RecallTask
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.task import WebCrawlTask
from taskmanager.domain.values import UserEmail
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.task_history import PostgresTaskHistories
from taskmanager.infrastructure.postgres.task_lists import PostgresTaskLists
from tests.builders import at, created_task, task_id
from tests.integration.api.reading.rows import StoredTask, store
from tests.scratch import ScratchDatabase

OWNER = Principal("key:reader", Role.READER, UserEmail("reader@example.com"))
STRANGER = Principal("key:bob", Role.ADMIN, UserEmail("bob@example.com"))
_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_EVENTS = """
insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at, data, source_topic,
    source_partition, source_offset, actor, correlation_id, traceparent)
values %s
"""
_REFUSED = """
insert into refused_reports (task_id, reason, detail, report, source_topic, source_partition, source_offset, actor,
    occurred_at, recorded_at, traceparent)
values %s
"""
_PARKED = """
insert into parked_statuses (task_id, source_topic, source_partition, source_offset, report, parked_at) values %s
"""
_LONG = "y" * 200_000


def _lived() -> list[TaskEvent]:
    """The events of a task that failed, was tried again, and succeeded; a version every ten seconds."""
    task, created = created_task(correlation_id="c-1")
    made = [created, task.start(at=at(9), now=at(10)), task.fail(error=_LONG, at=at(19), now=at(20))]
    made += [task.retry(at=at(30), now=at(30)), task.complete(result="found", at=at(39), now=at(40))]
    return [event for event in made if event is not None]


_DATA: dict[str, str | None] = {
    "TaskCreated": '{"userEmail":"reader@example.com","userQuery":"opening hours",'
    '"originalUrl":"https://example.com/contact"}',
    "TaskFailed": '{"error":"' + _LONG + '"}',
    "TaskCompleted": '{"result":"found"}',
}


@pytest.fixture
def task(database: ScratchDatabase) -> WebCrawlTask:
    """A stored task with its events, five refused reports between them, and one that waits."""
    events = _lived()
    replayed = WebCrawlTask.replay(events)
    _insert(database, _EVENTS, [_event(event, offset) for offset, event in enumerate(events)])
    refused = [
        (task_id(), "invalid_transition", f"no {number}", '{"status":"in_progress"}', "task-status", 2, 100 + number,
         "worker-7", at(15 + 5 * number), at(15 + 5 * number), _TRACEPARENT)
        for number in range(5)
    ]  # fmt: skip
    _insert(database, _REFUSED, [*refused, (task_id(2), *refused[0][1:])])
    _insert(database, _PARKED, [(task_id(), "task-status", 1, 7, '{"status":"completed"}', at(60))])
    row = StoredTask(
        task_id(), replayed.user_email, replayed.user_query, replayed.original_url, None, replayed.status, 1
    )
    store(database, [row])
    return replayed


@pytest.fixture
def histories(pool: Reads) -> PostgresTaskHistories:
    return PostgresTaskHistories(pool)


@pytest.fixture
def read_trail(pool: Reads, histories: PostgresTaskHistories) -> ReadTrail:
    return ReadTrail(histories, Cursors(PostgresTaskLists(pool)))


async def _all(read_trail: ReadTrail, limit: int, principal: Principal = ANONYMOUS) -> list[TrailEntry]:
    entries: list[TrailEntry] = []
    cursor: str | None = None
    while not entries or cursor is not None:
        page = await read_trail(task_id(), principal, limit, cursor)
        assert page is not None
        assert 0 < len(page.entries) <= limit
        entries += page.entries
        cursor = page.next_cursor
    return entries


@pytest.mark.usefixtures("task")
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 11, 500])
async def test_everything_is_told_once_in_the_order_of_recording(read_trail: ReadTrail, limit: int) -> None:
    entries = await _all(read_trail, limit, OWNER)
    seconds = [int((entry.recorded_at - at(0)).total_seconds()) for entry in entries]
    assert seconds == [1, 10, 15, 20, 20, 25, 30, 30, 35, 40, 60]
    assert [entry.version for entry in entries if entry.kind == "event"] == [1, 2, 3, 4, 5]
    assert [entry.detail for entry in entries if entry.kind == "refused"] == [f"no {number}" for number in range(5)]
    assert [entry.kind for entry in entries].count("parked") == 1


@pytest.mark.usefixtures("task")
async def test_an_entry_names_who_caused_it_and_from_where(read_trail: ReadTrail) -> None:
    entries = await _all(read_trail, 100)
    created, refused = entries[0], entries[2]
    assert (created.type, created.status, created.attempt, created.actor, created.correlation_id) == (
        "TaskCreated", "new", 1, "gateway", "c-1",
    )  # fmt: skip
    assert created.source is not None
    assert (created.source.topic, created.source.partition, created.source.offset) == ("requests", 3, 0)
    assert created.trace_id == refused.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert bytes(created.data) == (_DATA["TaskCreated"] or "").encode()
    assert (refused.kind, refused.reason, refused.actor) == ("refused", "invalid_transition", "worker-7")
    assert refused.source is not None
    assert refused.source.offset == 100


@pytest.mark.usefixtures("task")
async def test_large_entries_are_spread_over_pages(pool: Reads) -> None:
    small = ReadTrail(PostgresTaskHistories(pool, page_bytes=100), Cursors(PostgresTaskLists(pool)))
    first = await small(task_id(), ANONYMOUS, 500)
    assert first is not None
    assert first.next_cursor is not None
    assert len(await _all(small, 500)) == 11


@pytest.mark.usefixtures("task")
async def test_a_cursor_leads_on_in_its_own_trail_alone(database: ScratchDatabase, read_trail: ReadTrail) -> None:
    page = await read_trail(task_id(), ANONYMOUS, 2)
    assert page is not None
    for other in (task_id(2), task_id()):
        with pytest.raises(InvalidValue, match="belongs to another list"):
            await read_trail(other, ANONYMOUS if other == task_id(2) else OWNER, 2, page.next_cursor)


@pytest.mark.usefixtures("task")
async def test_the_trail_of_a_deleted_task_is_for_administrators(
    database: ScratchDatabase, read_trail: ReadTrail, histories: PostgresTaskHistories
) -> None:
    assert await read_trail(task_id(9), ANONYMOUS, 10) is None
    assert await read_trail(task_id(), STRANGER, 10) is None
    database.run("update web_crawl_tasks set deleted_at = now()")
    assert await read_trail(task_id(), OWNER, 10) is None
    assert await read_trail(task_id(), ANONYMOUS, 10) is not None
    assert await histories.runs(task_id(), None, TrailPosition(), limit=10, sees_deleted=False) is None


async def test_a_task_is_recalled_as_every_version_left_it(
    task: WebCrawlTask, histories: PostgresTaskHistories
) -> None:
    recall, events = RecallTask(histories), _lived()
    for version in range(1, len(events) + 1):
        expected = task_view(WebCrawlTask.replay(events[:version]))
        assert await recall(task_id(), OWNER.user_email, version) == expected
        assert await recall(task_id(), None, events[version - 1].recorded_at) == expected
    assert task.version == len(events)
    assert await recall(task_id(), None, at(1000)) == task_view(task)


@pytest.mark.usefixtures("task")
async def test_what_was_not_there_is_not_recalled(database: ScratchDatabase, histories: PostgresTaskHistories) -> None:
    recall = RecallTask(histories)
    assert await recall(task_id(), None, at(0.5)) is None
    assert await recall(task_id(), None, 6) is None
    assert await recall(task_id(9), None, 1) is None
    assert await recall(task_id(), STRANGER.user_email, 1) is None
    with pytest.raises(InvalidValue, match="more than 4 events"):
        await RecallTask(histories, events_max=4)(task_id(), None, at(1000))
    database.run("update web_crawl_tasks set deleted_at = now()")
    assert await recall(task_id(), None, 1) is None


@pytest.mark.usefixtures("task")
async def test_texts_of_failures_that_are_over_are_not_loaded(histories: PostgresTaskHistories) -> None:
    events = await histories.events(task_id(), None, version=None, moment=None, limit=10)
    assert max(len(str(event)) for event in events) < 1000
    events = await histories.events(task_id(), None, version=3, moment=None, limit=10)
    assert _LONG in str(events[-1])


def _event(event: TaskEvent, offset: int) -> tuple[Any, ...]:
    kind = type(event).__name__
    return (
        event.task_id, event.version, kind, event.attempt, event.occurred_at, event.recorded_at, _DATA.get(kind),
        "requests", 3, offset, "gateway", "c-1", _TRACEPARENT,
    )  # fmt: skip


def _insert(database: ScratchDatabase, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with database.connected() as connection, connection.cursor() as cursor:
        execute_values(cursor, statement, rows)
