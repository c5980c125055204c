"""Which requests are sent again, when, and under which key."""

import asyncio
import socket

import pytest

from taskmanager.client import (
    Conflict,
    NewTask,
    NotFound,
    RateLimited,
    RetryPolicy,
    TaskManagerClient,
    TaskManagerError,
    Unavailable,
    Unreachable,
)

from .server import TASK, Asked, Reply, ScriptedServer, drops, fails, hangs, says

ID = TASK["id"]
NEW = NewTask(user_query="opening hours", original_url="https://example.com/", user_email="ann@example.com")


def keys(asked: list[Asked]) -> set[str | None]:
    return {request.headers.get("Idempotency-Key") for request in asked}


@pytest.mark.parametrize("failure", [fails(503), fails(502), fails(504), fails(429), drops])
async def test_a_task_is_created_under_one_key_however_often_it_is_asked_for(
    client: TaskManagerClient, server: ScriptedServer, failure: Reply
) -> None:
    server.replies(failure, failure, says(TASK, 201))
    assert (await client.create(NEW)).id == ID
    assert len(server.asked) == 3
    assert len(keys(server.asked)) == 1
    assert keys(server.asked) != {None}
    assert len({request.body for request in server.asked}) == 1


async def test_two_creates_have_two_keys(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says(TASK, 201))
    await client.create(NEW)
    await client.create(NEW)
    assert len(keys(server.asked)) == 2


async def test_a_time_out_is_tried_again(server: ScriptedServer) -> None:
    server.replies(hangs, says(TASK, 201))
    async with TaskManagerClient(server.url, timeout=0.2, retries=RetryPolicy(first_pause=0.001)) as client:
        assert (await client.create(NEW)).id == ID
    assert len(keys(server.asked)) == 1


@pytest.mark.parametrize(
    ("failure", "error"), [(fails(503), Unavailable), (fails(429), RateLimited), (drops, Unreachable)]
)
async def test_tries_come_to_an_end(
    client: TaskManagerClient, server: ScriptedServer, failure: Reply, error: type[TaskManagerError]
) -> None:
    server.replies(failure)
    with pytest.raises(error):
        await client.update_status(ID, "completed", result="9 to 17")
    assert len(server.asked) == RetryPolicy().attempts


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 413, 422, 500])
async def test_what_would_fail_again_is_not_tried_again(
    client: TaskManagerClient, server: ScriptedServer, status: int, pauses: list[float]
) -> None:
    server.replies(fails(status))
    with pytest.raises(TaskManagerError):
        await client.get(ID)
    assert len(server.asked) == 1
    assert pauses == []


async def test_a_wish_for_a_pause_is_kept_to(
    client: TaskManagerClient, server: ScriptedServer, pauses: list[float]
) -> None:
    server.replies(fails(503, Retry_After="7"), fails(429, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT"), says(TASK))
    await client.get(ID)
    first, second = pauses
    assert 7 <= first < 8
    assert second < 1


async def test_a_wish_that_is_too_long_ends_the_tries(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(fails(429, Retry_After="3600"))
    with pytest.raises(RateLimited) as told:
        await client.get(ID)
    assert told.value.retry_after == 3600
    assert len(server.asked) == 1


async def test_pauses_grow_up_to_a_limit_and_are_jittered() -> None:
    policy = RetryPolicy(first_pause=1, longest_pause=8)
    for failures, longest in enumerate([1, 2, 4, 8, 8], start=1):
        pauses = {policy.pause(failures, None) for _ in range(20)}
        assert len(pauses) > 1
        assert all(longest / 2 <= pause <= longest for pause in pauses)


async def test_a_request_without_a_key_is_not_sent_again_where_it_may_have_arrived(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    server.replies(drops)
    with pytest.raises(Unreachable):
        await client.dead_letters.replay(17)
    assert len(server.asked) == 1


async def test_a_request_without_a_key_is_sent_again_where_it_was_turned_away(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    server.replies(fails(429), says({"id": 17, "outcome": "created", "state": "replayed"}))
    assert (await client.dead_letters.replay(17)).outcome == "created"


async def test_a_deletion_whose_answer_was_lost_has_happened(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(drops, fails(404))
    await client.delete(ID)
    assert len(server.asked) == 2


async def test_a_deletion_is_not_sent_twice_behind_the_back_of_the_client(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    server.replies(says(TASK), drops, fails(404))
    await client.get(ID)  # whose connection is used again
    await client.delete(ID)
    assert [request.method for request in server.asked] == ["GET", "DELETE", "DELETE"]


async def test_a_task_that_never_was_cannot_be_deleted(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(fails(429), fails(404))
    with pytest.raises(NotFound):
        await client.delete(ID)


async def test_whoever_wants_to_know_hears_of_each_pause(server: ScriptedServer) -> None:
    told: list[tuple[str, bool]] = []
    server.replies(fails(503, "too many changes are waiting"), says(TASK))
    policy = RetryPolicy(first_pause=0.001)
    async with TaskManagerClient(
        server.url, retries=policy, on_retry=lambda error, pause: told.append((str(error), pause > 0))
    ) as client:
        await client.get(ID)
    assert told == [("too many changes are waiting", True)]


async def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with TaskManagerClient(url, retries=RetryPolicy(attempts=1)) as client:
        with pytest.raises(Unreachable, match=rf"^{url} gives no answer: Connection refused$") as told:
            await client.get(ID)
    assert not told.value.may_have_arrived


async def test_a_call_may_be_cancelled_between_tries(server: ScriptedServer) -> None:
    paused = asyncio.Event()
    server.replies(fails(503))
    policy = RetryPolicy(first_pause=1000)
    async with TaskManagerClient(server.url, retries=policy, on_retry=lambda *_: paused.set()) as client:
        call = asyncio.create_task(client.get(ID))
        await paused.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert len(server.asked) == 1


async def test_a_repetition_may_find_the_change_made(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(drops, fails(409, "the task is completed", members={"reason": "invalid_transition"}))
    with pytest.raises(Conflict) as told:
        await client.retry(ID)
    assert told.value.after_unknown
