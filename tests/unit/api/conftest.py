"""The REST interface over fakes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from taskmanager.api.health.controller import HealthController, ServiceState
from taskmanager.api.rest.application import rest_application
from taskmanager.api.rest.endpoint import OpenGate
from taskmanager.api.rest.metrics import MetricsController
from taskmanager.api.rest.openapi.controller import DocumentationController
from taskmanager.api.rest.openapi.document import openapi_document
from taskmanager.api.rest.routes import Controllers, routes
from taskmanager.api.rest.tasks import TaskController
from taskmanager.application.read_model import TaskView
from taskmanager.application.use_cases.get_task import GetTask
from taskmanager.application.use_cases.health import HealthChecks
from taskmanager.application.use_cases.task_metrics import CountTasks
from taskmanager.domain.values import TaskId, UserEmail

TASK_ID = "0190f1c2-7a3b-7cde-8f01-23456789abcd"
NOON = datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC)
TASK = TaskView(
    id=TASK_ID, status="completed", version=3, attempt=1, user_email="ann@example.com", user_query="prices",
    original_url="https://example.com/", metadata={"campaign_id": "7"}, correlation_id=None, received_at=NOON,
    created_at=NOON, updated_at=NOON, not_before=None, started_at=NOON, finished_at=NOON, last_heartbeat_at=None,
    duration_seconds=0.0, worker="w-1", progress=0.5, result='{"pages":2}', error=None, retryable=None,
)  # fmt: skip


@dataclass
class World:
    """What the fakes answer and what they were told."""

    tasks: dict[str, TaskView] = field(default_factory=lambda: {TASK_ID: TASK})
    failure: Exception | None = None
    is_overloaded: bool = False
    unhealthy: set[str] = field(default_factory=set)
    counted: list[tuple[str, str, int]] = field(default_factory=list)
    service: ServiceState = field(default_factory=lambda: ServiceState("task-manager", "1.2.3", time.monotonic()))

    async def find(self, task_id: TaskId, owner: UserEmail | None = None) -> TaskView | None:
        if self.failure is not None:
            raise self.failure
        return self.tasks.get(task_id)

    async def created_within(self, hours: float) -> Mapping[str, int]:
        return {"new": int(hours), "error": 1}

    async def by_status(self) -> Mapping[str, int]:
        return {}

    def answered(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.counted.append((method, endpoint, status))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World, aiohttp_client: AiohttpClient) -> TestClient:
    def check_of(name: str):
        async def check() -> Mapping[str, object]:
            if name in world.unhealthy:
                raise OSError(f"{name} is away")
            return {"seen": name}

        return check

    async def page() -> bytes:
        return b"# HELP x X.\n"

    def checks(*names: str) -> HealthChecks:
        return HealthChecks({name: check_of(name) for name in names}, timeout_seconds=1, cache_seconds=0)

    health = HealthController(
        checks("database", "kafka"),
        world.service,
        lambda: {"postgresql": "closed", "kafka": "half_open"},
        details=checks("pool", "lag"),
        is_overloaded=lambda: world.is_overloaded,
    )
    # Whoever is not named here is not called by these tests.
    table = routes(
        Controllers(*(Mock(name=name) for name in Controllers._fields))._replace(
            tasks=TaskController(GetTask(world), Mock(name="recall")),
            metrics=MetricsController(page, "text/plain; version=0.0.4; charset=utf-8", CountTasks(world)),
            health=health,
            documentation=DocumentationController(
                lambda: openapi_document(table, title="task-manager", version="1.2.3", authenticated=False)
            ),
        )
    )
    return await aiohttp_client(rest_application(table, OpenGate(), world, request_timeout=0.5))
