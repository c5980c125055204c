"""Histories of tasks, written to the log of a real database."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from taskmanager.application.event_log import LoggedEvent
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.task import WebCrawlTask
from tests.builders import NOON, at, created_task, task_id
from tests.fakes.relay import log_entries
from tests.scratch import ScratchDatabase

_COLUMNS = LoggedEvent._fields
_INSERT = (
    f"insert into task_events ({', '.join(_COLUMNS)})"  # noqa: S608 - names of ours
    f" values ({', '.join(f'%({name})s' for name in _COLUMNS)})"
)
_LATER = timedelta(milliseconds=1)


def full_life() -> list[TaskEvent]:
    """Every kind of event, in the life of one task."""
    task, created = created_task(metadata={"tenant": "ä"}, correlation_id="c-1")
    events = [
        created,
        task.start(at=at(2), now=at(3), worker="w-1", progress=0.25),
        task.fail(error="gone", retryable=True, at=at(4), now=at(5)),
        task.retry(at=at(6), now=at(7), not_before=at(60), reason="again"),
        task.cancel(at=at(8), now=at(9)),
        task.retry(at=at(10), now=at(11)),
        task.complete(result='{"title": "\\u00e4"}', at=at(12), now=at(13)),
        task.delete(at=at(14), now=at(15)),
    ]
    return [event for event in events if event is not None]


def created_tasks(count: int, first: int = 1) -> list[TaskEvent]:
    """So many new tasks."""
    return [created_task(id=task_id(first + number))[1] for number in range(count)]


def completed_task(number: int, result: str, now: datetime = NOON) -> list[TaskEvent]:
    """A task with its result."""
    task, created = created_task(id=task_id(number), now=now)
    completed = task.complete(result=result, at=now, now=now + _LATER)
    assert completed is not None
    return [created, completed]


def append(database: ScratchDatabase, events: Iterable[TaskEvent], **changes: Any) -> list[LoggedEvent]:
    """Writes events behind those that are there, in one transaction; answers what was written."""
    with database.connected("app", autocommit=False) as connection, connection.cursor() as cursor:
        entries = []
        for entry in log_entries(events):
            cursor.execute("select nextval('task_events_seq')")
            ((seq,),) = cursor.fetchall()
            entries.append(entry._replace(seq=seq, **changes))
            cursor.execute(_INSERT, entries[-1]._asdict())
        connection.commit()
    return entries


def tasks_after(events: list[TaskEvent]) -> list[WebCrawlTask]:
    """The task of these events after each of them."""
    return [WebCrawlTask.replay(events[:count]) for count in range(1, len(events) + 1)]
