"""What reading costs at a million tasks: the same wherever one looks, also while the statistics are out of date."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from loadtests.bench.million import (
    BATCH,
    HEAVY_HOST,
    HEAVY_USER,
    LIGHT_HOST,
    LIGHT_USER,
    TASKS,
    load,
)
from taskmanager.application.task_history import TrailPosition
from taskmanager.application.task_lists import Position, TaskFilter
from taskmanager.application.use_cases.reading.compute_statistics import ComputeStatistics
from taskmanager.application.use_cases.reading.list_tasks import WALK
from taskmanager.devstack import StackInfo
from taskmanager.domain.values import TaskId, UserEmail
from taskmanager.infrastructure.postgres.statistics import PostgresStatistics
from taskmanager.infrastructure.postgres.task_history import PostgresTaskHistories
from taskmanager.infrastructure.postgres.task_lists import PostgresTaskLists
from tests.integration.api.reading.explaining import Cost, Explaining
from tests.scratch import ScratchDatabase, scratch_database

OF_USER = 2500
# A walk, the rest of the batch it ends in, and as much again for the ends of several ways.
ROWS_MAX = 2 * BATCH + WALK
CREATION, USER, HOST, STATUS = (f"web_crawl_tasks_{name}" for name in ("created", "user", "host", "status"))
HEAVY, LIGHT = UserEmail(HEAVY_USER), UserEmail(LIGHT_USER)
ASKED: Mapping[str, tuple[TaskFilter, str]] = {
    "everything": (TaskFilter(), CREATION),
    "user with a fifth of all": (TaskFilter(user_email=HEAVY), USER),
    "bound to a user with few": (TaskFilter(owner=LIGHT), USER),
    "bound, rare status": (TaskFilter(owner=HEAVY, statuses=frozenset({"cancelled"})), USER),
    "host with a third of all": (TaskFilter(host=HEAVY_HOST), HOST),
    "host with few": (TaskFilter(host=LIGHT_HOST), HOST),
    "rare status": (TaskFilter(statuses=frozenset({"cancelled"})), STATUS),
    "open": (TaskFilter(statuses=frozenset({"new", "in_progress", "error"})), STATUS),
    "text that nothing holds": (TaskFilter(text="nowhere"), CREATION),
    "label that nothing has": (TaskFilter(metadata={"team": "nobody"}), CREATION),
    "status and text": (TaskFilter(statuses=frozenset({"error", "new"}), text="nowhere"), STATUS),
}


@pytest.fixture(scope="module", params=["without statistics", "with statistics"])
def million(request: pytest.FixtureRequest, stack: StackInfo, template_database: str) -> Iterator[ScratchDatabase]:
    with scratch_database(stack, template_database) as database:
        load(database.dsn())
        if request.param == "with statistics":
            database.run("analyze web_crawl_tasks")
        yield database


@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
@pytest.mark.parametrize("asked", ASKED)
async def test_a_page_walks_its_index_and_no_further_than_it_may(
    million: ScratchDatabase, asked: str, newest_first: bool
) -> None:
    wanted, index = ASKED[asked]
    wanted = wanted._replace(newest_first=newest_first)
    reads = Explaining(million)
    lists = PostgresTaskLists(reads)

    for behind in (None, _position(million, 0.5), _position(million, 0.99)):
        await lists.walk(wanted, behind, limit=50, walk=WALK)

    assert [cost.indexes for cost in reads.costs] == [{index}] * 3
    assert max(cost.rows for cost in reads.costs) <= ROWS_MAX


async def test_the_last_page_touches_as_little_as_the_first(million: ScratchDatabase) -> None:
    reads = Explaining(million)
    lists = PostgresTaskLists(reads)
    for behind in (_position(million, 0), _position(million, 0.99)):
        walk = await lists.walk(TaskFilter(), behind, limit=50, walk=WALK)
        assert len(walk.items) == 50
    first, last = reads.costs
    assert last.buffers <= 2 * first.buffers + 50


async def test_figures_are_computed_from_counters_and_a_few_thousand_tasks(million: ScratchDatabase) -> None:
    reads = Explaining(million)
    compute = ComputeStatistics(PostgresStatistics(reads), lambda: datetime.now(UTC), of_user=OF_USER)

    of_all = await compute(24)
    counters, durations = reads.costs
    of_heavy, of_light = await compute(24, HEAVY), await compute(24, LIGHT)

    existing = million.value("select count(*) from web_crawl_tasks where deleted_at is null")
    assert of_all.total == existing
    assert counters.rows <= 100
    assert durations == Cost(durations.rows, durations.buffers, frozenset({STATUS}))
    assert durations.rows <= 3 * 500 + 3
    assert {cost.indexes for cost in reads.costs[2:]} == {frozenset({USER})}
    assert max(cost.rows for cost in reads.costs[2:]) <= OF_USER + BATCH
    count = "select count(*) from web_crawl_tasks where user_email = %s and deleted_at is null and created_at >= %s"
    assert of_heavy.is_shortened
    assert of_heavy.total == million.value(count, (HEAVY, of_heavy.from_))
    assert not of_light.is_shortened
    assert of_light.total == million.value(count, (LIGHT, of_light.from_))


async def test_the_history_of_a_task_is_found_by_its_indexes(million: ScratchDatabase) -> None:
    reads = Explaining(million)
    histories = PostgresTaskHistories(reads)
    task_id = TaskId(million.value("select id::text from web_crawl_tasks where deleted_at is null limit 1"))

    await histories.runs(task_id, None, TrailPosition(), limit=100, sees_deleted=False)
    await histories.events(task_id, None, version=None, moment=None, limit=100)

    assert max(cost.rows for cost in reads.costs) <= 5
    assert max(cost.buffers for cost in reads.costs) <= 50


def _position(database: ScratchDatabase, part: float) -> Position:
    """So far down the list, among tasks that share their time."""
    latest: datetime = database.value("select max(created_at) from web_crawl_tasks")
    batches = int(part * TASKS / BATCH)
    return Position(latest - timedelta(seconds=5 * batches), "88888888-8888-8888-8888-888888888888")
