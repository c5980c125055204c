"""Reading over HTTP, from a task's creation to its deletion."""

from typing import Any

from taskmanager.infrastructure.postgres.history import PostgresHistory
from tests.integration.api.writing.conftest import Api
from tests.scratch import ScratchDatabase


async def _get(api: Api, path: str, status: int = 200) -> Any:
    reply = await api.send("GET", path)
    assert reply.status == status, reply.raw
    return reply.body


async def test_a_list_is_read_page_by_page_on_either_program(apis: tuple[Api, Api]) -> None:
    one, other = apis
    made = {(await one.created(userQuery=f"prices {number}")).rpartition("/")[2] for number in range(7)}
    found: list[str] = []
    query = "/api/tasks?limit=3&status=new&q=PRICES&sort=createdAt"
    page = await _get(one, query)
    found += [task["id"] for task in page["items"]]
    for program in (other, one):
        page = await _get(program, f"{query}&cursor={page['nextCursor']}")
        found += [task["id"] for task in page["items"]]
    assert page["nextCursor"] is None
    assert len(found) == 7
    assert set(found) == made
    assert page["items"][0]["resultOmitted"] is False


async def test_a_cursor_of_another_list_is_refused_with_its_field(api: Api) -> None:
    for _ in range(2):
        await api.created()
    cursor = (await _get(api, "/api/tasks?limit=1"))["nextCursor"]
    problem = await _get(api, f"/api/tasks?limit=1&status=new&cursor={cursor}", 422)
    assert problem["field"] == "cursor"
    assert "another list" in problem["detail"]
    assert (await _get(api, f"/api/tasks?limit=1&cursor={cursor[:-1]}{'A' if cursor[-1] != 'A' else 'B'}", 422))[
        "field"
    ] == ("cursor")


async def test_lists_and_figures_of_a_user_are_those_of_that_user(api: Api) -> None:
    await api.created()
    await api.created(userEmail="bob@example.com")
    listed = await _get(api, "/api/users/bob@example.com/tasks")
    assert [task["userEmail"] for task in listed["items"]] == ["bob@example.com"]
    assert listed == await _get(api, "/api/tasks?userEmail=bob%40example.com")
    figures = await _get(api, "/api/users/bob@example.com/statistics?hours=1")
    assert (figures["total"], figures["tasks"]["new"], figures["isShortened"]) == (1, 1, False)
    assert (await _get(api, "/api/tasks/statistics"))["total"] == 2


async def test_a_task_is_followed_from_version_to_version(api: Api) -> None:
    path = await api.created()
    await api.send("PUT", f"{path}/status", {"status": "in_progress", "worker": "w-1"})
    await api.send("PUT", f"{path}/status", {"status": "completed", "result": "open from 9"})
    assert (await api.send("PUT", f"{path}/status", {"status": "error", "error": "late"})).status == 409

    page = await _get(api, f"{path}/events?limit=3")
    rest = await _get(api, f"{path}/events?limit=3&cursor={page['nextCursor']}")
    assert [entry["type"] for entry in page["items"]] == ["TaskCreated", "TaskStarted", "TaskCompleted"]
    assert [(entry["kind"], entry["reason"]) for entry in rest["items"]] == [("refused", "invalid_transition")]
    assert {entry["actor"] for entry in page["items"] + rest["items"]} == {"anonymous"}
    assert rest["nextCursor"] is None

    second = await _get(api, f"{path}?asOf=2")
    assert (second["status"], second["worker"], second["result"]) == ("in_progress", "w-1", None)
    assert await _get(api, f"{path}?asOf={page['items'][1]['recordedAt']}") == second
    assert await _get(api, f"{path}?asOf=3") == await _get(api, path)
    assert "as of then" in (await _get(api, f"{path}?asOf=4", 404))["detail"]
    assert (await _get(api, f"{path}?asOf=soon", 422))["field"] == "asOf"


async def test_a_deleted_task_shows_nowhere_but_on_its_trail(api: Api, database: ScratchDatabase) -> None:
    path = await api.created()
    await api.send("POST", f"{path}/cancel")
    assert (await api.send("DELETE", path)).status == 204
    assert (await _get(api, "/api/tasks"))["items"] == []
    assert (await _get(api, "/api/tasks/statistics"))["total"] == 0
    await _get(api, f"{path}?asOf=1", 404)
    trail = await _get(api, f"{path}/events")
    assert [(entry["type"], entry["status"]) for entry in trail["items"]] == [
        ("TaskCreated", "new"),
        ("TaskCancelled", "cancelled"),
        ("TaskDeleted", "cancelled"),
    ]
    assert _miscounted(database) == []
    database.run("update web_crawl_tasks set deleted_at = null")
    assert len(_miscounted(database)) == 1


def _miscounted(database: ScratchDatabase) -> list[str]:
    """Where `taskmanager verify` finds that counters and tasks differ."""
    with database.connected(autocommit=False) as connection:
        return [finding.where for finding, _ in PostgresHistory(connection).check_counters()]
