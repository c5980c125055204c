"""Operations on many tasks, and dead letters."""

from datetime import UTC, datetime

import orjson
import pytest

from taskmanager.client import Conflict, TaskManagerClient

from .server import ScriptedServer, drops, fails, says


def operation(state: str, **members: object) -> dict[str, object]:
    return {"id": "op-1", "action": "retry", "state": state, "actor": "key:1", "filter": {}, **members}


def letter(number: int) -> dict[str, object]:
    return {
        "id": number, "topic": "requests-web-crawl", "partition": 0, "offset": number, "reason": "missing_field",
        "detail": "userQuery", "state": "open", "recordedAt": "2026-05-04T12:00:00Z",
    }  # fmt: skip


async def test_an_operation_names_what_is_meant(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(drops, says(operation("pending"), 202))
    begun = await client.operations.start(
        "retry", status="error", created_after=datetime(2026, 5, 4, tzinfo=UTC), metadata={"team": "x"}
    )
    assert not begun.is_over
    assert len({asked.headers["Idempotency-Key"] for asked in server.asked}) == 1
    assert orjson.loads(server.asked[0].body) == {
        "action": "retry",
        "filter": {"status": ["error"], "createdAfter": "2026-05-04T00:00:00Z", "metadata": {"team": "x"}},
    }


async def test_everything_must_be_said(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says(operation("pending"), 202))
    await client.operations.start("delete", everything=True)
    await client.operations.start("delete", ids=["a", "b"])
    assert [orjson.loads(asked.body)["filter"] for asked in server.asked] == [{"all": True}, {"ids": ["a", "b"]}]


async def test_a_preview_changes_nothing(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says({"matched": 7, "changed": 5, "unchanged": 0, "refused": 2, "atLeast": True}))
    preview = await client.operations.preview("cancel", host="example.com")
    assert (preview.matched, preview.refused, preview.at_least) == (7, 2, True)
    assert orjson.loads(server.asked[0].body)["dryRun"] is True


async def test_an_operation_cannot_choose_by_text(client: TaskManagerClient, server: ScriptedServer) -> None:
    with pytest.raises(ValueError, match="text"):
        await client.operations.start("cancel", text="hours")
    assert server.asked == []


async def test_the_end_of_an_operation_is_waited_for(
    client: TaskManagerClient, server: ScriptedServer, pauses: list[float]
) -> None:
    server.replies(
        says(operation("pending")), says(operation("running", changed=3)), says(operation("completed", changed=9))
    )
    heard: list[int] = []
    done = await client.operations.wait("op-1", lambda so_far: heard.append(so_far.changed))
    assert done.is_over
    assert heard == [0, 3, 9]
    assert len(pauses) == 2
    assert {asked.path for asked in server.asked} == {"/api/operations/op-1"}


async def test_operations_are_listed_page_by_page(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(
        says({"items": [operation("completed")], "next": "op-1"}), says({"items": [operation("failed")], "next": None})
    )
    assert [each.state async for each in client.operations.list_operations(page_size=1)] == ["completed", "failed"]
    assert server.asked[1].path == "/api/operations?limit=1&before=op-1"


async def test_what_is_over_cannot_be_called_off(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(fails(409, "the operation is over: it has completed"))
    with pytest.raises(Conflict, match="is over"):
        await client.operations.cancel("op-1")


async def test_dead_letters_are_listed_and_discarded(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(
        says({"items": [letter(3), letter(2)], "next": 2}), says({"items": [letter(1)], "next": None}), says(None, 204)
    )
    letters = client.dead_letters.list_letters(reason=["missing_field"], page_size=2)
    assert [each.id async for each in letters] == [3, 2, 1]
    await client.dead_letters.discard(3, "a test's")
    assert [(asked.method, asked.path) for asked in server.asked] == [
        ("GET", "/api/dead-letters?reason=missing_field&state=open&limit=2"),
        ("GET", "/api/dead-letters?reason=missing_field&state=open&limit=2&before=2"),
        ("DELETE", "/api/dead-letters/3?why=a+test's"),
    ]


async def test_letters_are_replayed_page_by_page(client: TaskManagerClient, server: ScriptedServer) -> None:
    def came_to(number: int) -> dict[str, object]:
        return {"id": number, "outcome": "created", "state": "replayed"}

    server.replies(says({"items": [came_to(1), came_to(2)], "next": 2}), says({"items": [came_to(3)], "next": None}))
    replays = client.dead_letters.replay_many(
        reason="missing_field", corrected={"headers": {"task_type": "web-crawl"}, "without_headers": ["x"]}, page_size=2
    )
    assert [each.id async for each in replays] == [1, 2, 3]
    assert [orjson.loads(asked.body) for asked in server.asked] == [
        {
            "filter": {"reason": ["missing_field"]}, "limit": 2, "after": after,
            "headers": {"task_type": "web-crawl"}, "withoutHeaders": ["x"],
        }
        for after in (0, 2)
    ]  # fmt: skip
