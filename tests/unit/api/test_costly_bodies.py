"""Bodies within their limits that are dear to read: nobody else is to wait for them."""

import asyncio
import io
import threading
import tracemalloc
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from taskmanager.api.kafka.bodies import parse_body
from taskmanager.api.rest import strict_json
from taskmanager.api.rest.application import rest_application
from taskmanager.api.rest.endpoint import OpenGate
from taskmanager.api.rest.routes import Controllers, routes
from taskmanager.api.rest.task_batches import BODY_LIMIT, TaskBatchController
from taskmanager.api.rest.task_commands import Rules
from taskmanager.api.rest.task_writes import TaskWriteController
from taskmanager.application.use_cases.writing.unit import Unit
from tests.fakes.clock import FixedClock

from .conftest import TASK_ID, World

TASK = {"userEmail": "ann@example.com", "userQuery": "opening hours", "originalUrl": "https://example.com/contact"}
JSON = {"Content-Type": "application/json"}
RULES = Rules(allow_private_urls=False, result_max_bytes=256 * 1024)


async def submitting(unit: Unit) -> web.Response:
    """Takes whatever comes this far."""
    return web.json_response({"intents": len(unit.intents)})


@pytest.fixture
async def api(aiohttp_client: AiohttpClient, world: World) -> TestClient:
    now = FixedClock().now
    doubles: dict[str, Any] = {name: Mock(name=name) for name in Controllers._fields}
    doubles["task_writes"] = TaskWriteController(submitting, RULES, now)  # type: ignore[arg-type]
    doubles["task_batches"] = TaskBatchController(submitting, RULES, now)  # type: ignore[arg-type]
    return await aiohttp_client(
        rest_application(routes(Controllers(**doubles)), OpenGate(), world, request_timeout=30, is_traced=False)
    )


@pytest.mark.parametrize("item", [b"0", b"{}"])
async def test_a_batch_of_millions_is_given_up_at_its_first_item_too_many(api: TestClient, item: bytes) -> None:
    most = (BODY_LIMIT - 20) // (len(item) + 1)
    body = b'{"tasks":[' + b",".join([item] * most) + b"]}"
    tracemalloc.start()
    try:
        response = await api.post("/api/tasks/batch", data=io.BytesIO(body), headers=JSON)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (response.status, (await response.json())["field"]) == (400, "tasks")
    assert peak < 8 * BODY_LIMIT, "what is refused must not be made into objects first"


async def test_a_thousand_items_are_taken_and_one_more_is_not(api: TestClient) -> None:
    taken = await api.post("/api/tasks/batch", json={"tasks": [TASK] * 1000})
    refused = await api.post("/api/tasks/batch", json={"tasks": [TASK] * 1001})

    assert (taken.status, (await taken.json())["intents"]) == (200, 1000)
    assert refused.status == 400
    assert "1000" in (await refused.json())["errors"][0]["message"]


async def test_an_item_of_a_batch_is_no_larger_than_a_task_by_itself(api: TestClient) -> None:
    labels = {f"{number:x}": "" for number in range(10_000)}
    response = await api.post("/api/tasks/batch", json={"tasks": [TASK, TASK | {"metadata": labels}]})

    errors = (await response.json())["errors"]
    assert (response.status, [error["path"] for error in errors]) == (422, ["tasks[1]"])
    assert "bytes" in errors[0]["message"]


async def test_others_are_served_while_a_large_result_is_looked_through(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, others_had_their_turn = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def parse(raw: bytes) -> object:
        loop.call_soon_threadsafe(begun.set)
        assert others_had_their_turn.wait(10)
        return parse_body(raw)

    monkeypatch.setattr(strict_json, "parse_body", parse)
    report = {"status": "completed", "result": [[]] * 50_000}
    asking = asyncio.create_task(api.put(f"/api/tasks/{TASK_ID}/status", json=report))
    await begun.wait()
    others_had_their_turn.set()

    assert (await asking).status == 200


async def test_a_result_that_is_too_large_is_not_looked_through(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Mock(side_effect=parse_body)
    monkeypatch.setattr(strict_json, "parse_body", looked)
    response = await api.put(f"/api/tasks/{TASK_ID}/status", json={"status": "completed", "result": [[]] * 100_000})

    assert (response.status, (await response.json())["field"]) == (422, "result")
    looked.assert_not_called()
