"""The live stream: every event once, whatever becomes of its connection."""

import asyncio

import pytest

from taskmanager.client import (
    Forbidden,
    RetryPolicy,
    TaskManagerClient,
    TaskManagerError,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
)

from .server import TASK, ScriptedServer, cut, drops, fails, frame, opening, says, silent, streams


async def taken(
    client: TaskManagerClient, count: int, after: int | None = None, patience: float | None = None
) -> list[int]:
    async with client.stream(after=after, patience=patience) as events:
        return [(await anext(events)).sequence for _ in range(count)]


def resumed_from(server: ScriptedServer) -> list[str | None]:
    return [asked.headers.get("Last-Event-ID") for asked in server.asked]


async def test_events_come_as_they_are_told(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(streams(opening(7), frame(8), frame(9, data={"result": "x" * 300_000}), then=silent))
    async with client.stream(task_id="t", status=["new", "error"], user_email="ann@example.com") as events:
        assert events.position == 7
        assert (await anext(events)).data == {"worker": "w-1"}
        assert len((await anext(events)).data["result"]) == 300_000
    asked = server.asked[0]
    assert asked.path == "/api/events?taskId=t&status=new&status=error&userEmail=ann@example.com"
    assert asked.headers["Accept"] == "text/event-stream"


@pytest.mark.parametrize("end", [None, cut])
async def test_it_goes_on_behind_the_last_event(client: TaskManagerClient, server: ScriptedServer, end: object) -> None:
    server.replies(
        streams(opening(3), frame(4), frame(5), then=end),  # type: ignore[arg-type]
        drops,
        fails(503),
        streams(opening(5), frame(6), then=silent),
    )
    assert await taken(client, 3) == [4, 5, 6]
    assert resumed_from(server) == [None, "5", "5", "5"]


async def test_what_is_told_twice_is_heard_once(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(
        streams(opening(0), frame(1), frame(2)), streams(frame(1), frame(2), frame(3), frame(3), frame(4), then=silent)
    )
    assert await taken(client, 4) == [1, 2, 3, 4]


async def test_an_event_that_was_cut_short_is_asked_for_again(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    whole = frame(2)
    server.replies(
        streams(opening(0), frame(1), whole[: len(whole) // 2], then=cut),
        streams(opening(1), whole, then=silent),
    )
    assert await taken(client, 2) == [1, 2]
    assert resumed_from(server) == [None, "1"]


async def test_signs_of_life_move_the_position(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(streams(opening(0), ": nothing yet\nid: 400\n\n"), streams(opening(400), frame(401), then=silent))
    assert await taken(client, 1) == [401]
    assert resumed_from(server) == [None, "400"]


async def test_it_begins_behind_a_position(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(streams(opening(17), frame(18), then=silent))
    assert await taken(client, 1, after=17) == [18]
    assert resumed_from(server) == ["17"]


async def test_silence_is_taken_for_the_end(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(streams(opening(0), frame(1), then=silent), streams(opening(1), frame(2), then=silent))
    told: list[str] = []
    async with client.stream(silence=0.1, on_interruption=lambda error, _pause: told.append(str(error))) as events:
        assert [(await anext(events)).sequence for _ in range(2)] == [1, 2]
    assert len(told) == 1
    assert "time was up" in told[0]


async def test_the_first_pause_is_the_one_that_the_server_wishes(
    client: TaskManagerClient, server: ScriptedServer, pauses: list[float]
) -> None:
    server.replies(streams(opening(0, retry=3000)), streams(opening(0), frame(1), then=silent))
    await taken(client, 1)
    assert 3 <= pauses[0] < 4


async def test_no_wish_of_a_server_stops_it_for_long(
    client: TaskManagerClient, server: ScriptedServer, pauses: list[float]
) -> None:
    digits = "9" * 5000
    server.replies(
        streams(opening(0, retry=999_999_999), f"id: {digits}\n\n"),
        fails(503, Retry_After="100000"),
        streams(opening(0), frame(1), then=silent),
    )
    assert await taken(client, 1) == [1]
    assert all(60 <= pause < 70 for pause in pauses)
    assert resumed_from(server) == [None, "0", "0"]


async def test_a_token_that_is_revoked_ends_it(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(streams(opening(0), frame(1), then=cut), fails(401))
    with pytest.raises(Unauthorized):
        await taken(client, 2)


async def test_patience_may_have_an_end(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(streams(opening(0), frame(1), then=cut), drops)
    with pytest.raises(Unreachable):
        await taken(client, 2, patience=0.01)


async def test_a_server_that_was_never_reached_is_told_after_some_tries(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    server.replies(drops)
    with pytest.raises(Unreachable):
        await taken(client, 1)
    assert len(server.asked) == RetryPolicy().attempts


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (fails(403), Forbidden),
        (says({}), UnexpectedAnswer),
        (streams(opening(0), "data: what?\n\n", then=silent), UnexpectedAnswer),
    ],
)
async def test_what_will_not_change_is_told_at_once(
    client: TaskManagerClient, server: ScriptedServer, reply: object, error: type[TaskManagerError]
) -> None:
    server.replies(reply)  # type: ignore[arg-type]
    with pytest.raises(error):
        await taken(client, 1)
    assert len(server.asked) == 1


async def test_whoever_waits_may_be_cancelled(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(streams(opening(0), then=silent))
    listening = asyncio.Event()

    async def listen() -> None:
        async with client.stream() as events:
            listening.set()
            await anext(events)

    task = asyncio.create_task(listen())
    await listening.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_is_waited_for_without_a_gap(client: TaskManagerClient, server: ScriptedServer) -> None:
    done = TASK | {"status": "completed", "result": "9 to 17"}
    server.replies(streams(opening(0), frame(1), frame(2), then=silent), says(TASK), says(TASK), says(done))
    task = await client.wait(TASK["id"])
    assert task.result == "9 to 17"
    assert [asked.path.partition("?")[0] for asked in server.asked] == ["/api/events", *[f"/api/tasks/{task.id}"] * 3]


async def test_a_task_that_is_settled_already_is_not_waited_for(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    server.replies(streams(opening(0), then=silent), says(TASK | {"status": "error"}))
    assert (await client.wait(TASK["id"])).status == "error"
