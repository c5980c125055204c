"""Tasks in every status, and the runners of several processes, on one database."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.application.bulk_model import BulkAction, Operation, Order, Preview, Selection
from taskmanager.application.use_cases.bulk.advance_operation import AdvanceOperation
from taskmanager.application.use_cases.bulk.follow_operations import FollowOperations
from taskmanager.application.use_cases.bulk.ports import Limits
from taskmanager.application.use_cases.bulk.preview_operation import PreviewOperation
from taskmanager.application.use_cases.bulk.start_operation import StartOperation
from taskmanager.domain.status import TaskStatus
from taskmanager.infrastructure.postgres.bulk_operations import PostgresOperations
from taskmanager.infrastructure.postgres.bulk_selection import PostgresSelectedTasks
from taskmanager.infrastructure.postgres.bulk_store import PostgresChunkStore
from taskmanager.infrastructure.postgres.pool import ReadPool
from taskmanager.infrastructure.postgres.session import Session
from tests.builders import task_id
from tests.fakes.clock import FixedClock
from tests.fakes.messages import body, report, request
from tests.integration.ingest.writers import Writer
from tests.scratch import ScratchDatabase

LIMITS = Limits(walk=8, tasks=4)
# In the order of the ids: task 1 is new, task 2 in progress, and so on, again and again.
STATUSES = ("new", "in_progress", "completed", "error", "cancelled")
_REPORTS = {"in_progress": "started", "completed": "completed", "error": "error", "cancelled": "cancelled"}
_DIRECTLY: Mapping[str, Any] = {}


class Observed:
    """Implements `Observer`."""

    def __init__(self) -> None:
        self.settled_tasks: dict[TaskStatus, int] = {}

    def settled(self, status: TaskStatus, seconds: Sequence[float]) -> None:
        """See `Observer.settled`."""
        self.settled_tasks[status] = self.settled_tasks.get(status, 0) + len(seconds)


class Process:
    """A process that begins operations and advances them; its clock is a minute behind that of the tasks' creation."""

    def __init__(self, connect: dict[str, Any], number: int, limits: Limits, through: Mapping[str, Any]) -> None:
        self.clock = FixedClock()
        self.clock.pass_seconds(60)
        self.wakes = 0
        self.observed = Observed()
        self._pool = ReadPool(connect, size=1, wait_timeout=5, statement_timeout=30, idle_timeout=60)
        self.session = Session(connect | dict(through), timeout=30)
        operations = PostgresOperations(self._pool)
        self.start = StartOperation(operations, self.clock, self._wake, open_max=3)
        self.follow = FollowOperations(operations, self.clock)
        self.store = PostgresChunkStore(self.session, f"0-api-{number:02d}-bulk")
        self.advance = AdvanceOperation(self.store, self.clock, self.observed, limits)
        self._preview = PreviewOperation(PostgresSelectedTasks(self._pool), self.clock, limits, stretches_max=50)

    async def begin(self, action: str, actor: str = "key:ann", owner: str | None = None, **selection: Any) -> Operation:
        """A new operation."""
        return await self.start(order(action, actor, owner, **selection), None)

    async def preview(self, action: str, owner: str | None = None, **selection: Any) -> Preview:
        """What it would come to."""
        return await self._preview(order(action, "key:ann", owner, **selection))

    async def state(self, operation: Operation) -> Operation:
        """The operation as it is now."""
        found = await self.follow.find(operation.id, None)
        assert found is not None
        return found

    async def run(self) -> int:
        """Advances whatever there is to its end; how many transactions that took."""
        chunks = 0
        while await self.advance():
            chunks += 1
        return chunks

    async def close(self) -> None:
        """Ends the process."""
        await self.session.close()
        await self._pool.close()

    def _wake(self) -> None:
        self.wakes += 1


def order(action: str, actor: str, owner: str | None, **selection: Any) -> Order:
    """What somebody asks for."""
    return Order(action=BulkAction(action), selection=Selection(**selection), actor=actor, owner=owner)


@pytest.fixture
async def process(database: ScratchDatabase) -> AsyncIterator[Callable[..., Process]]:
    """Makes processes; `through` changes where one of them connects to advance operations."""
    async with AsyncExitStack() as stack:
        made = 0

        def make(limits: Limits = LIMITS, through: Mapping[str, Any] = _DIRECTLY) -> Process:
            nonlocal made
            process = Process(parse_dsn(database.dsn("app")), made, limits, through)
            stack.push_async_callback(process.close)
            made += 1
            return process

        yield make


@pytest.fixture
async def tasks(database: ScratchDatabase) -> Callable[..., Any]:
    """Makes so many tasks, in batches that share their time of creation, the statuses in turn."""

    async def make(count: int, batch: int = 10, **content: Any) -> None:
        session = Session(parse_dsn(database.dsn("app")), timeout=30)
        writer = Writer(session, "0-consumer-00")
        clock = writer.ingest._clock
        assert isinstance(clock, FixedClock)
        clock.pass_seconds(-30)
        try:
            for first in range(1, count + 1, batch):
                numbers = range(first, min(first + batch, count + 1))
                requests = [
                    request(body(userEmail=f"user{n % 2}@example.com", **content), id=task_id(n), offset=n - 1)
                    for n in numbers
                ]
                reports = [
                    report(_REPORTS[status], id=task_id(n), offset=n - 1)
                    if (status := STATUSES[(n - 1) % len(STATUSES)]) != "new"
                    else report("own", id=task_id(n), offset=n - 1, headers={"source": "task-manager"})
                    for n in numbers
                ]
                await writer.receive([*requests, *reports])
                clock.pass_seconds(1)
        finally:
            await session.close()

    return make


def by_status(database: ScratchDatabase) -> dict[str, int]:
    """How many tasks there are, by status; deleted ones by that name."""
    return dict(
        database.run(
            "select case when deleted_at is null then status::text else 'deleted' end, count(*)"
            " from web_crawl_tasks group by 1"
        )
    )
