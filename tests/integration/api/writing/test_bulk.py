"""Operations on many tasks over HTTP, on two programs at once."""

import asyncio
from typing import Any

import pytest

from tests.integration.api.writing.conftest import Api, broken_promises
from tests.scratch import ScratchDatabase

BULK = "/api/tasks/bulk"
TASK_ID = "0190f1c2-7a3b-7cde-8f01-23456789abcd"
OPERATION = {
    "id", "action", "filter", "state", "actor", "createdAt", "startedAt", "finishedAt", "matched", "changed",
    "unchanged", "refused", "notFound", "failure",
}  # fmt: skip


async def ended(api: Api, path: str) -> Any:
    """The operation once it is over; the test's own time limit ends a wait in vain."""
    while True:
        reply = await api.send("GET", path)
        assert reply.status == 200
        if reply.body["state"] not in {"pending", "running"}:
            return reply.body
        await asyncio.sleep(0.005)


async def begun(api: Api, action: str, chosen: object, **headers: str) -> str:
    """The path of a new operation."""
    reply = await api.send("POST", BULK, {"action": action, "filter": chosen}, **headers)
    assert reply.status == 202, reply.raw
    assert reply.headers["Location"] == f"/api/operations/{reply.body['id']}"
    return reply.headers["Location"]


async def test_many_tasks_are_cancelled_and_retried(apis: tuple[Api, Api], database: ScratchDatabase) -> None:
    one, other = apis
    tasks = await asyncio.gather(*(one.created(userEmail=f"u{n % 2}@example.com") for n in range(40)))
    chosen = {"userEmail": "u1@example.com", "status": ["new"], "host": "EXAMPLE.com"}
    preview = await one.send("POST", BULK, {"action": "cancel", "filter": chosen, "dryRun": True})
    assert (preview.status, preview.body) == (
        200, {"matched": 20, "changed": 20, "unchanged": 0, "refused": 0, "atLeast": False}
    )  # fmt: skip
    path = await begun(one, "cancel", chosen)
    done = await ended(other, path)
    assert set(done) == OPERATION
    assert (done["state"], done["changed"], done["actor"]) == ("completed", 20, "anonymous")
    assert done["filter"] == {"status": ["new"], "userEmail": "u1@example.com", "host": "example.com"}
    assert done["startedAt"] >= done["createdAt"]
    states = [(await one.send("GET", task)).body for task in tasks]
    assert {(state["userEmail"], state["status"]) for state in states} == {
        ("u0@example.com", "new"), ("u1@example.com", "cancelled")
    }  # fmt: skip
    done = await ended(one, await begun(other, "retry", {"all": True}))
    assert (done["matched"], done["changed"], done["refused"]) == (40, 20, 20)
    assert broken_promises(database) == []


async def test_tasks_are_deleted_by_their_ids(api: Api) -> None:
    tasks = [(await api.created()).rpartition("/")[2] for _ in range(3)]
    await api.send("POST", f"/api/tasks/{tasks[0]}/cancel")
    done = await ended(api, await begun(api, "delete", {"ids": [*tasks, TASK_ID]}))
    assert (done["changed"], done["refused"], done["notFound"]) == (1, 2, 1)
    assert [(await api.send("GET", f"/api/tasks/{task}")).status for task in tasks] == [404, 200, 200]


async def test_operations_are_listed_page_by_page(api: Api) -> None:
    paths = [await begun(api, "delete", {"status": ["error"]}) for _ in range(5)]
    for path in paths:
        await ended(api, path)
    found: list[str] = []
    query = "?limit=2"
    while True:
        page = (await api.send("GET", f"/api/operations{query}")).body
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        query = f"?limit=2&before={page['next']}"
    assert found == [path.rpartition("/")[2] for path in reversed(paths)]


async def test_an_operation_that_is_over_is_not_cancelled(api: Api) -> None:
    path = await begun(api, "delete", {"all": True})
    await ended(api, path)
    reply = await api.send("POST", f"{path}/cancel")
    assert (reply.status, reply.body["detail"]) == (409, "the operation is over: it has completed")
    assert (await api.send("POST", f"/api/operations/{TASK_ID}/cancel")).status == 404
    assert (await api.send("GET", f"/api/operations/{TASK_ID}")).status == 404


async def test_the_same_request_begins_one_operation(apis: tuple[Api, Api]) -> None:
    one, other = apis
    paths = await asyncio.gather(*(begun(api, "retry", {"all": True}, Idempotency_Key="k") for api in (one, other) * 4))
    assert len(set(paths)) == 1
    reply = await one.send("POST", BULK, {"action": "delete", "filter": {"all": True}}, Idempotency_Key="k")
    assert reply.status == 422


async def test_nobody_begins_operations_without_end(api: Api, database: ScratchDatabase) -> None:
    await api.created()
    with database.connected(autocommit=False) as connection:
        # So that none of them comes to its end.
        connection.cursor().execute("lock table web_crawl_tasks in access exclusive mode")
        paths = [await begun(api, "cancel", {"all": True}) for _ in range(20)]
        reply = await api.send("POST", BULK, {"action": "cancel", "filter": {"all": True}})
        assert (reply.status, reply.headers["Retry-After"]) == (429, "5")
        assert "20 of your operations are not over yet" in reply.body["detail"]
        connection.rollback()
    for path in paths:
        assert (await ended(api, path))["matched"] == 1


@pytest.mark.parametrize(
    ("chosen", "status", "said"),
    [
        ({}, 400, '"filter": {"all": true}'),
        ({"all": False}, 400, '"filter": {"all": true}'),
        ({"all": False, "host": "example.com"}, 400, '"filter": {"all": true}'),
        ({"status": []}, 400, "filter.status"),
        ({"status": ["lost"]}, 400, "filter.status"),
        ({"status": None}, 400, "filter.status"),
        ({"metadata": {}}, 400, "filter.metadata"),
        ({"ids": ["7"]}, 400, "filter.ids"),
        ({"ids": [TASK_ID] * 1001}, 400, "filter.ids"),
        ({"createdAfter": "yesterday"}, 400, "filter.createdAfter"),
        ({"createdAfter": "0001-01-01T00:00:00Z"}, 422, "createdAfter"),
        ({"createdBefore": "9999-12-31T23:59:59-23:59"}, 422, "createdBefore"),
        ({"userEmail": "nobody"}, 422, "userEmail"),
        ({"host": "a b"}, 422, "host"),
        ({"host": "example.com/path"}, 422, "host"),
        ({"metadata": {"team": "\0"}}, 422, "NUL"),
        ({"everything": True}, 400, "everything"),
    ],
)
async def test_filters_that_say_nothing_or_nonsense_are_refused(
    api: Api, chosen: object, status: int, said: str
) -> None:
    reply = await api.send("POST", BULK, {"action": "delete", "filter": chosen})
    assert reply.status == status, reply.raw
    assert said in reply.body["detail"]
    assert (await api.send("GET", "/api/operations")).body == {"items": [], "next": None}


async def test_what_is_no_key_is_refused_even_where_nothing_would_be_begun(api: Api) -> None:
    order = {"action": "delete", "filter": {"all": True}, "dryRun": True}
    reply = await api.send("POST", BULK, order, Idempotency_Key="a b")
    assert (reply.status, reply.body["field"]) == (400, "Idempotency-Key")


async def test_a_task_without_any_of_the_labels_is_left_alone(api: Api) -> None:
    marked = await api.created(metadata={"team": "red", "campaign": "spring"})
    plain = await api.created(metadata={"team": "red"})
    done = await ended(api, await begun(api, "cancel", {"metadata": {"team": "red", "campaign": "spring"}}))
    assert done["changed"] == 1
    assert (await api.send("GET", marked)).body["status"] == "cancelled"
    assert (await api.send("GET", plain)).body["status"] == "new"
