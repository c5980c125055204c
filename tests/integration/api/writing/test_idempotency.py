"""A request that is sent again, at the same moment or later, to whichever process, takes effect once."""

import asyncio
from collections import Counter

import pytest

from tests.scratch import ScratchDatabase

from .conftest import TASK, Api, broken_promises


async def test_500_creations_at_once_with_one_key_make_one_task(
    apis: tuple[Api, Api], database: ScratchDatabase
) -> None:
    replies = await asyncio.gather(*(apis[number % 2].create(Idempotency_Key="one") for number in range(500)))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.raw for reply in replies}) == 1
    assert len({(reply.headers["Location"], reply.headers["ETag"]) for reply in replies}) == 1
    assert Counter(reply.headers.get("Idempotency-Replayed") for reply in replies) == {None: 1, "true": 499}
    assert database.value("select count(*) from web_crawl_tasks") == 1
    assert database.value("select count(*) from task_events") == 1
    assert broken_promises(database) == []


async def test_of_many_requests_that_share_a_key_one_has_its_way(
    apis: tuple[Api, Api], database: ScratchDatabase
) -> None:
    bodies = [TASK | {"userQuery": f"question {number}"} for number in range(60)]
    replies = await asyncio.gather(
        *(apis[number % 2].create(body, Idempotency_Key="k") for number, body in enumerate(bodies))
    )
    (made,) = [reply for reply in replies if reply.status == 201]
    assert Counter(reply.status for reply in replies) == {201: 1, 422: 59}
    assert database.value("select user_query from web_crawl_tasks") == made.body["userQuery"]


async def test_repetitions_among_others_keep_nobody_from_a_task(
    apis: tuple[Api, Api], database: ScratchDatabase
) -> None:
    keys = [f"key-{number % 40}" for number in range(200)]
    replies = await asyncio.gather(
        *(apis[number % 2].create(Idempotency_Key=key) for number, key in enumerate(keys)),
        *(apis[number % 2].create() for number in range(100)),
    )
    assert {reply.status for reply in replies} == {201}
    assert len({reply.headers["Location"] for reply in replies}) == 140
    assert database.value("select count(*) from web_crawl_tasks") == 140
    assert broken_promises(database) == []


@pytest.mark.parametrize(
    ("method", "action", "body"),
    [("POST", "/cancel", None), ("PUT", "/status", {"status": "started"}), ("PUT", "/status", {"status": "cancelled"})],
)
async def test_changes_are_answered_again_though_the_task_has_moved_on(
    apis: tuple[Api, Api], method: str, action: str, body: object
) -> None:
    path = await apis[0].created()
    first = await apis[0].send(method, path + action, body, Idempotency_Key="k")
    await apis[0].send("PUT", f"{path}/status", {"status": "completed", "result": "r"})
    again = await apis[1].send(method, path + action, body, Idempotency_Key="k")
    assert (first.status, first.raw) == (again.status, again.raw)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"] == '"2"'


async def test_a_retry_that_is_sent_again_begins_one_attempt(apis: tuple[Api, Api]) -> None:
    path = await apis[0].created()
    await apis[0].send("POST", f"{path}/cancel")
    replies = await asyncio.gather(
        *(apis[number % 2].send("POST", f"{path}/retry", Idempotency_Key="k") for number in range(20))
    )
    assert {(reply.status, reply.body["attempt"]) for reply in replies} == {(200, 2)}
    assert (await apis[1].send("POST", f"{path}/retry")).status == 409


async def test_a_key_is_for_one_route_and_one_task(api: Api) -> None:
    one, other = await api.created(), await api.created()
    assert (await api.send("POST", f"{one}/cancel", Idempotency_Key="k")).status == 200
    assert (await api.send("POST", f"{other}/cancel", Idempotency_Key="k")).status == 422
    assert (await api.send("POST", f"{one}/retry", Idempotency_Key="k")).status == 422
    assert (await api.send("GET", other)).body["status"] == "new"


async def test_a_batch_that_is_sent_again_makes_nothing_more(apis: tuple[Api, Api], database: ScratchDatabase) -> None:
    batch = {"tasks": [TASK] * 30}
    replies = await asyncio.gather(
        *(apis[n % 2].send("POST", "/api/tasks/batch", batch, Idempotency_Key="b") for n in range(6))
    )
    assert {reply.status for reply in replies} == {201}
    assert len({reply.raw for reply in replies}) == 1
    assert database.value("select count(*) from web_crawl_tasks") == 30


async def test_a_key_that_has_expired_is_free_again(api: Api, database: ScratchDatabase) -> None:
    first = await api.create(Idempotency_Key="k")
    assert database.value("select extract(epoch from expires_at - created_at)::int from idempotency_keys") == 86_400
    database.run("update idempotency_keys set expires_at = now()")
    second = await api.create(TASK | {"userQuery": "another"}, Idempotency_Key="k")
    assert (second.status, second.headers.get("Idempotency-Replayed")) == (201, None)
    assert first.headers["Location"] != second.headers["Location"]


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "caf\u00e9"])
async def test_what_is_no_key_is_refused(api: Api, key: str) -> None:
    reply = await api.create(Idempotency_Key=key)
    assert reply.status == 400
    assert reply.body["field"] == "Idempotency-Key"


async def test_a_refusal_of_the_state_machine_is_kept_once(apis: tuple[Api, Api], database: ScratchDatabase) -> None:
    path = await apis[0].created()
    await apis[0].send("PUT", f"{path}/status", {"status": "completed", "result": "r"})
    for api in apis:
        assert (await api.send("POST", f"{path}/cancel", Idempotency_Key="k")).status == 409
    assert database.value("select count(*) from refused_reports") == 1
