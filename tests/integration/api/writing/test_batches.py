"""Many tasks in one request."""

from tests.scratch import ScratchDatabase

from .conftest import TASK, Api, broken_promises

BAD_URL = TASK | {"originalUrl": "ftp://example.com"}
PATH = "/api/tasks/batch"


async def test_a_thousand_tasks_are_made_in_one_transaction(api: Api, database: ScratchDatabase) -> None:
    tasks = [TASK | {"userQuery": f"question {number}", "correlationId": f"c-{number}"} for number in range(1000)]
    reply = await api.send("POST", PATH, {"tasks": tasks})
    assert (reply.status, reply.body["created"], reply.body["refused"]) == (201, 1000, 0)
    made = dict(database.run("select id::text, user_query from web_crawl_tasks"))
    assert [made[item["id"]] for item in reply.body["items"]] == [task["userQuery"] for task in tasks]
    assert database.value("select count(distinct xmin::text) from web_crawl_tasks") == 1
    assert database.value("select count(distinct correlation_id) from task_events") == 1000
    assert broken_promises(database) == []


async def test_one_that_is_wrong_keeps_all_from_being_made_and_each_is_named(
    api: Api, database: ScratchDatabase
) -> None:
    reply = await api.send("POST", PATH, {"tasks": [TASK, BAD_URL, {"userQuery": 1}, TASK | {"userEmail": "nobody"}]})
    assert reply.status == 422
    assert [error["path"] for error in reply.body["errors"]] == [
        "tasks[1].originalUrl", "tasks[2].userQuery", "tasks[3].userEmail",
    ]  # fmt: skip
    assert database.value("select count(*) from web_crawl_tasks") == 0


async def test_with_partial_the_sound_ones_are_made(api: Api, database: ScratchDatabase) -> None:
    reply = await api.send("POST", f"{PATH}?partial=true", {"tasks": [BAD_URL, TASK, {}, TASK]})
    assert (reply.status, reply.body["created"], reply.body["refused"]) == (200, 2, 2)
    assert [item["status"] for item in reply.body["items"]] == [422, 201, 400, 201]
    assert [error["path"] for error in reply.body["items"][0]["errors"]] == ["originalUrl"]
    assert database.value("select count(*) from web_crawl_tasks") == 2


async def test_partial_with_nothing_sound_is_refused(api: Api) -> None:
    assert (await api.send("POST", f"{PATH}?partial=true", {"tasks": [BAD_URL, {}]})).status == 422


async def test_what_is_no_batch_is_refused(api: Api, database: ScratchDatabase) -> None:
    for body in ({"tasks": []}, {"tasks": [TASK] * 1001}, {"tasks": [TASK, 3]}, {"tasks": TASK}, {}):
        assert (await api.send("POST", f"{PATH}?partial=true", body)).status == 400
    assert (await api.send("POST", PATH, b'{"tasks":[{}],"tasks":[{}]}')).status == 400
    assert (await api.send("POST", f"{PATH}?partial=perhaps", {"tasks": [TASK]})).status == 400
    assert database.value("select count(*) from web_crawl_tasks") == 0
