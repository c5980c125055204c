"""GET /api/tasks/{id}"""

import asyncio
from datetime import datetime

import pytest
from aiohttp.test_utils import TestClient

from taskmanager.application.ports import StoreUnavailable

from .conftest import TASK_ID, World


async def test_a_task_is_shown_in_camel_case_with_its_version_as_etag(client: TestClient) -> None:
    response = await client.get(f"/api/tasks/{TASK_ID}")
    assert response.status == 200
    assert response.content_type == "application/json"
    assert response.headers["ETag"] == '"3"'
    task = await response.json()
    assert task == {
        "id": TASK_ID, "status": "completed", "version": 3, "attempt": 1, "userEmail": "ann@example.com",
        "userQuery": "prices", "originalUrl": "https://example.com/", "metadata": {"campaign_id": "7"},
        "correlationId": None, "receivedAt": "2026-05-04T12:00:00.250000Z", "createdAt": "2026-05-04T12:00:00.250000Z",
        "updatedAt": "2026-05-04T12:00:00.250000Z", "notBefore": None, "startedAt": "2026-05-04T12:00:00.250000Z",
        "finishedAt": "2026-05-04T12:00:00.250000Z", "lastHeartbeatAt": None, "durationSeconds": 0.0, "worker": "w-1",
        "progress": 0.5, "result": '{"pages":2}', "error": None, "retryable": None,
    }  # fmt: skip


async def test_an_id_in_upper_case_finds_the_same_task(client: TestClient) -> None:
    assert (await client.get(f"/api/tasks/{TASK_ID.upper()}")).status == 200


async def test_a_task_that_is_not_there_is_a_problem_404(client: TestClient, world: World) -> None:
    world.tasks.clear()
    path = f"/api/tasks/{TASK_ID}"
    response = await client.get(path)
    assert response.status == 404
    assert response.content_type == "application/problem+json"
    problem = await response.json()
    assert datetime.fromisoformat(problem.pop("timestamp")).tzinfo is not None
    assert problem == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no task with this id",
        "instance": path,
        "error": "there is no task with this id",
        "path": path,
        "method": "GET",
    }


@pytest.mark.parametrize(
    "given", ["7", "0190f1c27a3b7cde8f0123456789abcd", "%00", "0190f1c2-7a3b-7cde-8f01-23456789abcg"]
)
async def test_what_is_no_id_is_a_problem_400_that_names_the_field(client: TestClient, given: str) -> None:
    response = await client.get(f"/api/tasks/{given}")
    assert response.status == 400
    assert (await response.json())["field"] == "id"


async def test_a_database_that_is_away_is_a_problem_503_without_details(client: TestClient, world: World) -> None:
    world.failure = StoreUnavailable("connection to 10.0.0.7 refused for user admin")
    response = await client.get(f"/api/tasks/{TASK_ID}")
    assert response.status == 503
    assert response.headers["Retry-After"] == "1"
    assert "10.0.0.7" not in await response.text()


async def test_a_defect_is_a_problem_500_without_details(client: TestClient, world: World) -> None:
    world.failure = ZeroDivisionError("secret")
    response = await client.get(f"/api/tasks/{TASK_ID}")
    assert response.status == 500
    assert "secret" not in await response.text()


async def test_a_request_that_takes_too_long_is_given_up(client: TestClient, world: World, monkeypatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world, "find", never)
    response = await client.get(f"/api/tasks/{TASK_ID}")
    assert response.status == 503
    assert (await response.json())["detail"] == "the request took too long; try again"
