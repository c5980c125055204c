"""COPY's text format, read back as PostgreSQL's manual says it is read."""

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.application.changes import Changes
from taskmanager.application.commands import Source
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import TaskQuery
from taskmanager.infrastructure.postgres.copying import copy_rows
from tests.builders import at, create_command, created_task, report_command, task_id

_NASTY = st.text(alphabet=st.sampled_from("\t\n\r\\Nabü.😀\x7f\u2028\x01"), max_size=12)
_UNESCAPED = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}


def read(sent: bytes) -> list[list[str | None]]:
    """The columns that the server makes of these rows; an empty one is null."""
    rows = sent.decode()
    assert rows == "" or rows.endswith("\n")
    return [
        [re.sub(r"\\.", lambda pair: _UNESCAPED[pair[0]], column) or None for column in row.split("\t")]
        for row in rows.split("\n")[:-1]
    ]


@given(_NASTY.filter(str.strip), _NASTY, _NASTY, _NASTY, _NASTY)
def test_any_text_of_a_request_is_read_back_as_it_was(
    query: str, value: str, correlation: str, actor: str, state: str
) -> None:
    changes = Changes(at(60), {})
    content = {"user_query": str.__new__(TaskQuery, query), "metadata": {"k": value}}
    _, created = created_task(**content, correlation_id=correlation)
    command = create_command(actor=actor, correlation_id=correlation, tracestate=state, **content)
    changes.created[created.task_id] = (created, command)
    ((task,), (event,)) = (read(rows) for rows in copy_rows(changes))

    assert (task[0], task[2], orjson.loads(task[4] or ""), task[5]) == (
        task_id(), query, {"k": value}, correlation or None,
    )  # fmt: skip
    assert orjson.loads(event[6] or "") == {
        "userEmail": "reader@example.com",
        "userQuery": query,
        "originalUrl": "https://example.com/contact",
        "metadata": {"k": value},
    }
    assert event[7:] == ["requests-web-crawl", "0", "0", actor or None, correlation or None, None, state or None]
    assert (len(task), len(event)) == (12, 14)


@given(_NASTY)
def test_any_result_is_read_back_as_it_was(result: str) -> None:
    changes = Changes(at(60), {})
    task, _ = created_task()
    event = task.complete(result=result, at=at(2), now=at(3))
    assert event is not None
    changes.recorded.append((event, report_command(TaskStatus.COMPLETED, source=None)))
    changes.changed[task.id] = task
    _, events = copy_rows(changes)
    ((row,),) = [read(events)]

    assert orjson.loads(row[6] or "") == {"result": result}
    assert row[:4] == [task_id(), "2", "TaskCompleted", "1"]
    assert row[7:10] == [None, None, None]


def test_events_are_sorted_by_task_and_version() -> None:
    changes = Changes(at(60), {})
    for number in (2, 1):
        task, created = created_task(id=task_id(number))
        changes.created[task.id] = (created, create_command(id=task.id))
        changes.changed[task.id] = task
        started = task.start(at=at(2), now=at(3))
        completed = task.complete(result="r", at=at(2), now=at(3))
        for event in (completed, started):
            assert event is not None
            changes.recorded.append((event, report_command(source=Source("task-status", 0, number))))
    _, events = copy_rows(changes)

    created_rows, others = read(events)[:2], read(events)[2:]
    assert [row[0] for row in created_rows] == [task_id(1), task_id(2)]
    assert [(row[0], row[1]) for row in others] == [
        (task_id(1), "2"), (task_id(1), "3"), (task_id(2), "2"), (task_id(2), "3"),
    ]  # fmt: skip


@pytest.mark.parametrize(("of_report", "kept"), [("c-2", "c-2"), (None, "c-1")])
def test_an_event_carries_the_tasks_correlation_id_unless_the_report_has_one(of_report: str | None, kept: str) -> None:
    changes = Changes(at(60), {})
    task, _ = created_task(correlation_id="c-1")
    started = task.start(at=at(2), now=at(3))
    assert started is not None
    changes.recorded.append((started, report_command(correlation_id=of_report)))
    changes.changed[task.id] = task
    ((row,),) = [read(copy_rows(changes)[1])]

    assert row[6] is None
    assert row[11] == kept
