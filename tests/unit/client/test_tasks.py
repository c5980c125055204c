"""What each call asks for, and what it makes of the answer."""

from datetime import UTC, datetime

import orjson
import pytest

from taskmanager.client import FieldProblem, NewTask, TaskManagerClient, TaskOutcome, ValidationFailed

from .server import TASK, ScriptedServer, event, fails, says

ID = TASK["id"]
LISTED = TASK | {"resultOmitted": False}


def page(*numbers: int, cursor: str | None) -> dict[str, object]:
    return {"items": [LISTED | {"userQuery": str(number)} for number in numbers], "nextCursor": cursor}


def news(count: int, size: int = 1) -> list[NewTask]:
    return [NewTask(user_query="q" * size, original_url="https://example.com/") for _ in range(count)]


async def test_a_new_task_is_sent_as_the_interface_wants_it(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says(TASK, 201))
    await client.create(NewTask(user_query="q", original_url="https://example.com/", metadata={"campaign": "spring"}))
    asked = server.asked[0]
    assert (asked.method, asked.path, asked.headers["Content-Type"]) == ("POST", "/api/tasks", "application/json")
    assert orjson.loads(asked.body) == {
        "userQuery": "q", "originalUrl": "https://example.com/", "metadata": {"campaign": "spring"}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("as_of", "query"),
    [(None, ""), (3, "?asOf=3"), (datetime(2026, 5, 4, 12, tzinfo=UTC), "?asOf=2026-05-04T12:00:00%2B00:00")],
)
async def test_a_task_is_read_as_it_is_or_was(
    client: TaskManagerClient, server: ScriptedServer, as_of: int | datetime | None, query: str
) -> None:
    server.replies(says(TASK))
    assert (await client.get(ID, as_of=as_of)).created_at == datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert server.asked[0].path == f"/api/tasks/{ID}{query}"


async def test_pages_are_read_one_after_the_other_also_empty_ones(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    server.replies(says(page(1, 2, cursor="a&b")), says(page(cursor="c")), says(page(3, cursor=None)))
    tasks = client.list_tasks(
        status=["new", "error"], text="a b", metadata={"team": "x"}, user_email="ann+1@example.com", page_size=2
    )
    assert len(server.asked) == 0
    assert [task.user_query async for task in tasks] == ["1", "2", "3"]
    filters = "status=new&status=error&q=a+b&metadata.team=x&userEmail=ann%2B1@example.com&sort=-createdAt&limit=2"
    assert [asked.path for asked in server.asked] == [
        f"/api/tasks?{filters}",
        f"/api/tasks?{filters}&cursor=a%26b",
        f"/api/tasks?{filters}&cursor=c",
    ]


async def test_no_page_is_read_that_nobody_wants(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says(page(1, 2, cursor="x")))
    async for _task in client.tasks_of("ann@example.com", newest_first=False):
        break
    assert [asked.path for asked in server.asked] == ["/api/users/ann@example.com/tasks?sort=createdAt&limit=100"]


async def test_a_time_without_a_zone_is_refused(client: TaskManagerClient, server: ScriptedServer) -> None:
    with pytest.raises(ValueError, match="created_after has no zone"):
        await anext(client.list_tasks(created_after=datetime(2026, 5, 4)))  # noqa: DTZ001 - what is tried


async def test_a_report_says_what_is_given_alone(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says(TASK))
    await client.update_status(ID, "completed", result=None, if_match=3)
    await client.update_status(ID, "in_progress", progress=0.0)
    assert [orjson.loads(asked.body) for asked in server.asked] == [
        {"status": "completed", "result": None},
        {"status": "in_progress", "progress": 0.0},
    ]
    assert [asked.headers.get("If-Match") for asked in server.asked] == ['"3"', None]


async def test_signs_of_life_are_not_kept_by_a_key(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says(TASK))
    await client.update_status(ID, "in_progress", progress=0.5, attempt=1)
    await client.update_status(ID, "in_progress", if_match=1)
    await client.update_status(ID, "error", error="gone")
    assert ["Idempotency-Key" in asked.headers for asked in server.asked] == [False, True, True]


async def test_history_and_events_are_read_to_their_end(client: TaskManagerClient, server: ScriptedServer) -> None:
    entry = {"kind": "refused", "recordedAt": "2026-05-04T12:00:00Z", "reason": "stale_attempt", "data": {}}
    server.replies(
        says({"items": [entry], "nextCursor": None}),
        says({"events": [event(5)], "next": 5}),
        says({"events": [], "next": 900}),
        says({"events": [], "next": 900}),
    )
    assert [each.reason async for each in client.history(ID)] == ["stale_attempt"]
    assert [each.data async for each in client.events(status="error", after=2)] == [{"worker": "w-1"}]
    assert [asked.path for asked in server.asked][1:] == [
        f"/api/events?status=error&limit=500&after={after}" for after in (2, 5, 900)
    ]


async def test_being_unhealthy_is_no_error(client: TaskManagerClient, server: ScriptedServer) -> None:
    health = {"status": "unhealthy", "timestamp": "2026-05-04T12:00:00Z", "service": "task-manager", "version": "1"}
    server.replies(says(health | {"uptimeSeconds": 1.5, "checks": {"database": "unhealthy"}}, 503))
    answer = await client.health()
    assert not answer.is_healthy
    assert answer.checks == {"database": "unhealthy"}
    assert len(server.asked) == 1


async def test_many_tasks_go_by_batches_each_under_its_own_key(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    def made(count: int) -> dict[str, object]:
        items = [{"index": index, "status": 201, "id": f"t{index}"} for index in range(count)]
        return {"created": count, "refused": 0, "items": items}

    server.replies(says(made(1000), 201), fails(503), says(made(500), 201))
    outcomes = [outcome async for outcome in client.create_many(news(1500))]
    assert [outcome.index for outcome in outcomes] == list(range(1500))
    assert outcomes[1000] == TaskOutcome(index=1000, id="t0")
    assert [len(orjson.loads(asked.body)["tasks"]) for asked in server.asked] == [1000, 500, 500]
    first, second, third = (asked.headers["Idempotency-Key"] for asked in server.asked)
    assert first != second == third


async def test_large_tasks_go_in_smaller_batches(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says({"items": []}, 201))
    assert [outcome async for outcome in client.create_many(news(5, 2_000_000))] == []
    assert [len(orjson.loads(asked.body)["tasks"]) for asked in server.asked] == [2, 2, 1]
    assert all(len(asked.body) < 5_000_000 for asked in server.asked)


async def test_a_batch_that_is_refused_is_told_with_the_places_among_all(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    problems = [{"path": "tasks[3].userEmail", "message": "bad"}, {"path": "tasks[4]", "message": "worse"}]
    server.replies(says({"items": []}, 201), fails(422, members={"errors": problems}))
    with pytest.raises(ValidationFailed) as told:
        async for _outcome in client.create_many(news(1500)):
            pass
    assert told.value.errors == (FieldProblem("tasks[1003].userEmail", "bad"), FieldProblem("tasks[1004]", "worse"))


async def test_in_part_means_that_bad_ones_are_told_and_good_ones_made(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    bad = {"index": 1, "status": 422, "errors": [{"path": "userEmail", "message": "bad"}]}
    server.replies(says({"items": [{"index": 0, "status": 201, "id": "a"}, bad]}))
    assert [outcome async for outcome in client.create_many(news(2), partial=True)] == [
        TaskOutcome(index=0, id="a"),
        TaskOutcome(index=1, errors=(FieldProblem("userEmail", "bad"),)),
    ]
    assert server.asked[0].path == "/api/tasks/batch?partial=true"


async def test_a_batch_without_a_good_one_is_no_failure_in_part(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    problems = [{"path": f"tasks[{index}].userQuery", "message": "bad"} for index in (0, 1)]
    server.replies(fails(422, members={"errors": problems}))
    outcomes = [outcome async for outcome in client.create_many(news(2), partial=True)]
    assert outcomes == [TaskOutcome(index=index, errors=(FieldProblem("userQuery", "bad"),)) for index in (0, 1)]


async def test_a_batch_that_is_wrong_as_a_whole_is_a_failure_also_in_part(
    client: TaskManagerClient, server: ScriptedServer
) -> None:
    server.replies(fails(422, "the database refuses a value of this request"))
    with pytest.raises(ValidationFailed, match="the database"):
        await anext(client.create_many(news(2), partial=True))
