"""Creating and changing tasks over HTTP, down to the rows."""

import asyncio
from datetime import UTC, datetime

import pytest

from tests.scratch import ScratchDatabase

from .conftest import TASK, Api, broken_promises

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_new_task_is_answered_as_it_will_be_read(api: Api) -> None:
    reply = await api.create(TASK | {"metadata": {"team": "blue"}, "correlationId": "order-1"})
    assert (reply.status, reply.headers["ETag"]) == (201, '"1"')
    read = await api.send("GET", reply.headers["Location"])
    assert read.body == reply.body
    assert (reply.body["metadata"], reply.body["correlationId"]) == ({"team": "blue"}, "order-1")


async def test_events_tell_who_asked_and_in_which_trace(api: Api, database: ScratchDatabase) -> None:
    headers = {"traceparent": PARENT, "tracestate": "a=b", "X_Correlation_ID": "order-2"}
    created = await api.create(**headers)
    await api.send("POST", f"{created.headers['Location']}/cancel", traceparent="nonsense")
    rows = database.run("select type, actor, correlation_id, traceparent, tracestate from task_events order by seq")
    assert rows == [
        ("TaskCreated", "anonymous", "order-2", PARENT, "a=b"),
        ("TaskCancelled", "anonymous", "order-2", None, None),
    ]
    assert database.run("select distinct source_topic, source_offset from task_events") == [(None, None)]


async def test_the_examples_of_the_description_take_effect(api: Api) -> None:
    paths = (await api.send("GET", "/api/openapi.json")).body["paths"]

    async def tried(method: str, path: str, **values: str) -> int:
        example = paths[path][method.lower()]["requestBody"]["content"]["application/json"]["example"]
        return (await api.send(method, path.format(**values), example)).status

    assert await tried("POST", "/api/tasks") == 201
    assert await tried("POST", "/api/tasks/batch") == 201
    assert await tried("PUT", "/api/tasks/{id}/status", id=(await api.created()).rsplit("/", 1)[1]) == 200
    assert await tried("POST", "/api/tasks/bulk") == 200
    assert await tried("POST", "/api/dead-letters/replay") == 200


async def test_the_life_of_a_task(api: Api, database: ScratchDatabase) -> None:
    path = await api.created()
    states = []
    for method, action, body in (
        ("PUT", "/status", {"status": "started", "worker": "w-1", "progress": 0.5}),
        ("PUT", "/status", {"status": "in_progress", "progress": 0.75}),
        ("PUT", "/status", {"status": "failed", "error": "gone", "retryable": True}),
        ("POST", "/retry", None),
        ("PUT", "/status", {"status": "completed", "result": {"offers": [1, 2.50]}, "attempt": 2}),
        ("PUT", "/status", {"status": "completed", "result": {"offers": [1, 2.50]}, "attempt": 2}),
    ):
        reply = await api.send(method, path + action, body)
        assert reply.status == 200, reply.raw
        assert reply.body == (await api.send("GET", path)).body
        states.append((reply.body["status"], reply.body["version"], reply.headers["ETag"]))
    assert states == [
        ("in_progress", 2, '"2"'), ("in_progress", 2, '"2"'), ("error", 3, '"3"'), ("new", 4, '"4"'),
        ("completed", 5, '"5"'), ("completed", 5, '"5"'),
    ]  # fmt: skip
    assert (await api.send("GET", path)).body["result"] == '{"offers":[1,2.5]}'
    assert broken_promises(database) == []

    assert (await api.send("DELETE", path)).status == 204
    assert {(await api.send(method, path)).status for method in ("GET", "DELETE")} == {404}
    assert database.value("select sum(count) from task_counters") == 0
    assert database.value("select count(*) from task_events") == 6


async def test_what_the_state_machine_forbids_is_409_and_on_the_audit_trail(
    api: Api, database: ScratchDatabase
) -> None:
    path = await api.created()
    await api.send("PUT", f"{path}/status", {"status": "completed", "result": "r"})
    reply = await api.send("PUT", f"{path}/status", {"status": "completed", "result": "another"})
    assert (reply.status, reply.body["reason"]) == (409, "conflicting_report")
    assert (await api.send("DELETE", await api.created())).status == 409
    assert database.run("select reason, actor from refused_reports") == [("conflicting_report", "anonymous")]


async def test_if_match_keeps_a_change_from_a_task_that_has_moved_on(api: Api) -> None:
    path = await api.created()
    for tag, status in (('"2"', 412), ('W/"1"', 412), ('"x"', 412), ("1", 412), ('"7", "1"', 200), ("*", 200)):
        reply = await api.send("POST", f"{path}/cancel", If_Match=tag)
        assert reply.status == status, tag
    assert (await api.send("DELETE", path, If_Match='"1"')).headers["ETag"] == '"2"'
    assert (await api.send("DELETE", path, If_Match='"2"')).status == 204


async def test_of_two_who_mind_the_same_version_one_has_its_way(apis: tuple[Api, Api]) -> None:
    path = await apis[0].created()
    replies = await asyncio.gather(
        *(apis[n % 2].send("PUT", f"{path}/status", {"status": "started", "worker": f"w-{n}"}, If_Match='"1"')
          for n in range(10))
    )  # fmt: skip
    assert sorted(reply.status for reply in replies) == [200] + [412] * 9


async def test_reports_of_many_workers_on_one_task_come_one_after_another(
    apis: tuple[Api, Api], database: ScratchDatabase
) -> None:
    path = await apis[0].created()
    bodies = [{"status": "completed", "result": f"of {number}"} for number in range(40)]
    replies = await asyncio.gather(
        *(apis[number % 2].send("PUT", f"{path}/status", body) for number, body in enumerate(bodies))
    )
    assert sorted(reply.status for reply in replies) == [200] + [409] * 39
    assert database.value("select count(*) from refused_reports") == 39
    assert broken_promises(database) == []


async def test_an_earlier_time_is_kept_in_utc(api: Api, database: ScratchDatabase) -> None:
    path = await api.created()
    await api.send("PUT", f"{path}/status", {"status": "started", "occurredAt": "2026-05-04T12:00:00+02:00"})
    moment = database.value("select occurred_at from task_events where version = 2")
    assert moment == datetime(2026, 5, 4, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"userEmail":"a@example.com","userQuery":"q","userQuery":"r","originalUrl":"https://example.com"}', 400),
        (b'{"userEmail":"a@example.com","userQuery":"q\\ud800","originalUrl":"https://example.com"}', 400),
        (b'{"userEmail":"a@example.com","userQuery":"q\xff","originalUrl":"https://example.com"}', 400),
        (TASK | {"userQuery": "a\0b"}, 422),
        (TASK | {"metadata": {"a": "b\0"}}, 422),
        (TASK | {"correlationId": "a\nb"}, 422),
        (TASK | {"originalUrl": "http://192.168.0.1/"}, 422),
        (TASK | {"userEmail": None}, 422),
        (TASK | {"priority": 1}, 400),
        (TASK | {"metadata": {"a": 1}}, 400),
        ([], 400),
    ],
)
async def test_what_no_task_can_be_made_of_reaches_no_database(
    api: Api, database: ScratchDatabase, body: object, status: int
) -> None:
    reply = await api.create(body)
    assert reply.status == status, reply.raw
    assert database.value("select count(*) from web_crawl_tasks") == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "completed"}, 422),
        ({"status": "error"}, 422),
        ({"status": "started", "result": "r"}, 422),
        ({"status": "completed", "result": "r", "progress": 1}, 422),
        ({"status": "completed", "result": "a\0"}, 422),
        ({"status": "completed", "result": "x" * 786_433}, 422),
        ({"status": "started", "occurredAt": "9999-12-31T23:59:59Z"}, 422),
        ({"status": "started", "occurredAt": "2026-05-04T12:00:00"}, 400),
        ({"status": "new"}, 400),
        ({"status": "started", "progress": 2}, 400),
        (b'{"status":"completed","result":{"a":1,"a":2}}', 400),
        (b'{"status":"completed","result":' + b"[" * 65 + b"]" * 65 + b"}", 422),
    ],
)
async def test_what_is_no_report_changes_nothing(api: Api, body: object, status: int) -> None:
    path = await api.created()
    reply = await api.send("PUT", f"{path}/status", body)
    assert reply.status == status, reply.raw
    assert (await api.send("GET", path)).body["version"] == 1
