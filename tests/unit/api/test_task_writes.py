"""What callers may change, over a store in memory."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from taskmanager.api.rest.application import rest_application
from taskmanager.api.rest.routes import Controllers, routes
from taskmanager.api.rest.submitting import Submitting
from taskmanager.api.rest.task_batches import TaskBatchController
from taskmanager.api.rest.task_commands import Rules
from taskmanager.api.rest.task_writes import TaskWriteController
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.principal import ANONYMOUS, Permission, Principal, Role
from taskmanager.application.use_cases.writing.group_commit import GroupCommit
from taskmanager.application.use_cases.writing.write_group import WriteGroup
from taskmanager.domain.values import UserEmail
from tests.fakes.clock import FixedClock
from tests.fakes.intent_store import InMemoryIntentStore
from tests.unit.writing.conftest import Observed

from .conftest import World

ANN = Principal("key:ann", Role.WRITER, UserEmail("ann@example.com"))
BOB = Principal("key:bob", Role.WRITER, UserEmail("bob@example.com"))
TASK = {"userQuery": "opening hours", "originalUrl": "https://example.com/contact"}


class Callers:
    """A gate that takes whoever calls for `now`."""

    def __init__(self) -> None:
        self.now = ANONYMOUS

    async def admit(self, request: web.Request, permission: Permission) -> Principal:
        """See `Gate.admit`."""
        assert self.now.allows(permission)
        return self.now


@pytest.fixture
def callers() -> Callers:
    return Callers()


@pytest.fixture
def store() -> InMemoryIntentStore:
    return InMemoryIntentStore()


@pytest.fixture
async def commit(store: InMemoryIntentStore) -> AsyncIterator[GroupCommit]:
    observed = Observed()
    write = WriteGroup(store, FixedClock(), observed, keep_answers=timedelta(days=1))
    commit = GroupCommit(write, observed)
    commit.start()
    yield commit
    await commit.stop()


@pytest.fixture
async def api(callers: Callers, commit: GroupCommit, world: World, aiohttp_client: AiohttpClient) -> TestClient:
    submitting, rules = Submitting(commit.submit), Rules(allow_private_urls=False, result_max_bytes=1000)
    table = routes(
        Controllers(*(Mock(name=name) for name in Controllers._fields))._replace(
            task_writes=TaskWriteController(submitting, rules, FixedClock().now),
            task_batches=TaskBatchController(submitting, rules, FixedClock().now),
        )
    )
    return await aiohttp_client(rest_application(table, callers, world, request_timeout=5))


async def created(api: TestClient, **changes: Any) -> dict[str, Any]:
    response = await api.post("/api/tasks", json=TASK | changes)
    assert response.status == 201
    task: dict[str, Any] = await response.json()
    return task


async def test_whoever_is_bound_to_a_user_asks_in_their_name(api: TestClient, callers: Callers) -> None:
    callers.now = ANN
    assert (await created(api))["userEmail"] == "ann@example.com"
    assert (await created(api, userEmail="ann@EXAMPLE.com"))["userEmail"] == "ann@example.com"


async def test_and_in_nobody_elses(api: TestClient, callers: Callers, store: InMemoryIntentStore) -> None:
    callers.now = ANN
    task = TASK | {"userEmail": "bob@example.com"}
    response = await api.post("/api/tasks", json=task)
    assert response.status == 403
    assert "bob" not in await response.text()
    partial = await api.post("/api/tasks/batch?partial=true", json={"tasks": [task, TASK]})
    assert [item["status"] for item in (await partial.json())["items"]] == [403, 201]
    assert [each.user_email for each in store.tasks.contents.tasks.values()] == ["ann@example.com"]


@pytest.mark.parametrize(
    ("method", "action", "body"),
    [
        ("PUT", "/status", {"status": "started"}), ("POST", "/cancel", None), ("POST", "/retry", None),
        ("DELETE", "", None),
    ],
)  # fmt: skip
async def test_tasks_of_others_are_not_there(
    api: TestClient, callers: Callers, store: InMemoryIntentStore, method: str, action: str, body: object
) -> None:
    callers.now = BOB
    path = f"/api/tasks/{(await created(api))['id']}{action}"
    callers.now = ANN
    theirs = await api.request(method, path, json=body)
    none = await api.request(method, f"/api/tasks/0190f1c2-7a3b-7cde-8f01-23456789abcd{action}", json=body)
    assert theirs.status == none.status == 404
    assert (await theirs.json())["detail"] == (await none.json())["detail"]
    assert len(store.tasks.contents.events) == 1
    assert store.tasks.contents.refused == []


async def test_the_version_of_somebody_elses_task_is_told_to_nobody(api: TestClient, callers: Callers) -> None:
    callers.now = BOB
    path = f"/api/tasks/{(await created(api))['id']}/cancel"
    callers.now = ANN
    assert (await api.post(path, headers={"If-Match": '"9"'})).status == 404


async def test_keys_of_others_are_of_no_use(api: TestClient, callers: Callers) -> None:
    ids = []
    for callers.now in (ANN, BOB):
        response = await api.post("/api/tasks", json=TASK, headers={"Idempotency-Key": "same"})
        assert "Idempotency-Replayed" not in response.headers
        ids.append((await response.json())["id"])
    assert ids[0] != ids[1]


async def test_a_database_that_is_away_is_503_with_a_pause(api: TestClient, store: InMemoryIntentStore) -> None:
    def before(step: str) -> None:
        raise StoreUnavailable("away", "53")

    store.tasks.before = before
    response = await api.post("/api/tasks", json=TASK | {"userEmail": "a@example.com"})
    assert (response.status, response.headers["Retry-After"]) == (503, "1")


async def test_what_comes_when_it_stops_is_503_with_a_pause(api: TestClient, commit: GroupCommit) -> None:
    await commit.stop()
    response = await api.post("/api/tasks", json=TASK | {"userEmail": "a@example.com"})
    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert "too many changes are waiting" in (await response.json())["detail"]


async def test_a_value_that_the_database_refuses_is_422_without_a_word_of_it(
    api: TestClient, store: InMemoryIntentStore
) -> None:
    task = await created(api, userEmail="a@example.com")
    store.tasks.refuses = {task["id"]}
    response = await api.put(f"/api/tasks/{task['id']}/status", json={"status": "started"})
    assert response.status == 422
    assert "break a rule" not in await response.text()
