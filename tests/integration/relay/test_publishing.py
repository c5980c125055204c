"""From the database to Kafka and back."""

import asyncio
from typing import Any

import msgspec
import orjson

from taskmanager.application.read_model import task_view
from tests.integration.relay.conftest import Start, Until
from tests.integration.relay.history import append, completed_task, created_tasks, full_life, tasks_after
from tests.integration.relay.topics import Topics, headers_of
from tests.scratch import ScratchDatabase

_TRACE = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "vendor=x"}


async def test_every_kind_of_event_comes_back_with_its_headers_and_its_task(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    topics.make(topics.events)
    events = full_life()
    entries = append(database, events, correlation_id="c-1", **_TRACE)
    await start()
    await until(lambda: len(topics.read(topics.events)) == len(events))

    messages = topics.read(topics.events)
    assert len({message.partition() for message in messages}) == 1
    for message, entry, event, task in zip(messages, entries, events, tasks_after(events), strict=True):
        assert message.key() == entry.task_id.encode()
        assert headers_of(message) == {
            "id": entry.task_id.encode(),
            "task_type": b"web-crawl",
            "status": task.status.value.encode(),
            "timestamp": event.occurred_at.isoformat().encode(),
            "traceparent": _TRACE["traceparent"].encode(),
            "tracestate": _TRACE["tracestate"].encode(),
            "correlation_id": b"c-1",
            "source": b"task-manager",
            "version": b"1",
            "attempt": str(event.attempt).encode(),
            "event_id": f"{entry.task_id}:{event.version}".encode(),
            "event_type": type(event).__name__.encode(),
            "sequence": str(entry.seq).encode(),
        }
        assert orjson.loads(message.value()) == msgspec.to_builtins(task_view(task), enc_hook=str)


async def test_tasks_that_began_before_the_relay_did_are_told_whole(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    topics.make(topics.events)
    events = full_life()
    entries = append(database, events[:5])
    append(database, events[5:])
    database.run("insert into event_readers (name, position) values ('relay', %s)", (entries[-1].seq,))
    await start()
    await until(lambda: len(topics.read(topics.events)) == 3)

    bodies = [orjson.loads(message.value()) for message in topics.read(topics.events)]
    assert [body["version"] for body in bodies] == [6, 7, 8]
    assert {body["metadata"]["tenant"] for body in bodies} == {"ä"}
    assert [body["result"] for body in bodies] == [None, '{"title": "\\u00e4"}', '{"title": "\\u00e4"}']


async def test_what_is_too_large_goes_without_its_result_and_holds_up_nobody(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    topics.make(topics.events, max_message_bytes="20000")
    append(database, [*completed_task(1, _text(100_000)), *completed_task(2, "small"), *created_tasks(1, 3)])
    await start()
    await until(lambda: len(topics.read(topics.events)) == 5)

    completed = _by_type(topics, "TaskCompleted")
    assert {body["result"] for _, body in completed} == {None, "small"}
    (large,) = [(headers, body) for headers, body in completed if body["result"] is None]
    assert (large[0]["result_omitted"], large[1]["resultOmitted"], large[1]["status"]) == (b"true", True, "completed")


async def test_a_topic_that_takes_less_than_it_did_holds_up_nobody(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    topics.make(topics.events, partitions=1)
    append(database, created_tasks(1))
    relay = await start()
    await until(lambda: len(topics.event_ids()) == 1)
    topics.limit(topics.events, 5000)
    append(database, [*completed_task(2, _text(10_000)), *created_tasks(1, 3)])
    await until(lambda: len(topics.event_ids()) == 4)

    assert topics.event_ids() == [f"{_id(number)}:{version}" for number, version in ((1, 1), (2, 1), (2, 2), (3, 1))]
    assert [body.get("resultOmitted") for _, body in _by_type(topics, "TaskCompleted")] == [True]
    assert relay._metrics._transactions.labels("too_large")._value.get() == 1


async def test_a_history_that_cannot_be_read_costs_its_body_alone(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    topics.make(topics.events)
    append(database, full_life()[1:2])
    append(database, created_tasks(1, 2))
    await start()
    await until(lambda: len(topics.read(topics.events)) == 2)

    ((_, body),) = _by_type(topics, "TaskStarted")
    assert body == {"id": _id(1), "status": "in_progress", "version": 2, "attempt": 1}


async def test_events_that_come_later_follow_in_order(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    topics.make(topics.events, partitions=1)
    await start()
    expected = []
    for number in range(1, 6):
        expected += [entry.seq for entry in append(database, created_tasks(40, number * 100))]
        count = len(expected)
        await until(lambda count=count: len(topics.read(topics.events)) == count)

    assert [int(headers_of(message)["sequence"]) for message in topics.read(topics.events)] == expected
    await until(lambda: _position(database) == expected[-1])


async def test_a_topic_that_is_not_there_yet_is_waited_for(
    database: ScratchDatabase, topics: Topics, start: Start, until: Until
) -> None:
    append(database, created_tasks(3))
    relay = await start()
    async with asyncio.timeout(20):
        while await relay.health() == {"relay": "ok"}:  # noqa: ASYNC110 - asked, not told
            await asyncio.sleep(0.01)
    topics.make(topics.events)
    await until(lambda: len(topics.read(topics.events)) == 3)


def _position(database: ScratchDatabase) -> Any:
    return database.value("select position from event_readers where name = 'relay'")


def _id(number: int) -> str:
    return str(created_tasks(1, number)[0].task_id)


def _text(size: int) -> str:
    """A text that no compression makes small."""
    state, letters = 1, []
    for _ in range(size):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        letters.append(chr(33 + (state >> 16) % 90))
    return "".join(letters)


def _by_type(topics: Topics, event_type: str) -> list[tuple[dict[str, bytes], dict[str, Any]]]:
    found = [(headers_of(message), orjson.loads(message.value())) for message in topics.read(topics.events)]
    return [(headers, body) for headers, body in found if headers["event_type"] == event_type.encode()]
