"""`bin/bench reads`: what lists, figures and histories cost the database at a million tasks."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from time import perf_counter

import click
import psycopg2

from loadtests.bench.ingest import say, workspace
from loadtests.bench.million import HEAVY_HOST, HEAVY_USER, TASKS, load
from loadtests.bench.server_time import ServerTime, medians
from taskmanager.application.task_history import TrailPosition
from taskmanager.application.task_lists import Position, TaskFilter
from taskmanager.application.use_cases.reading.compute_statistics import ComputeStatistics
from taskmanager.application.use_cases.reading.list_tasks import WALK
from taskmanager.application.use_cases.reading.recall_task import RecallTask
from taskmanager.devstack import StackInfo, ensure_up
from taskmanager.domain.values import TaskId, UserEmail
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.statistics import PostgresStatistics
from taskmanager.infrastructure.postgres.task_history import PostgresTaskHistories
from taskmanager.infrastructure.postgres.task_lists import PostgresTaskLists
from taskmanager.infrastructure.postgres.tasks import PostgresTaskReader

Read = Callable[[], Awaitable[object]]

_LIMIT = 50
_LISTS: Mapping[str, TaskFilter] = {
    "list": TaskFilter(),
    "list of a user": TaskFilter(user_email=UserEmail(HEAVY_USER)),
    "list of a host": TaskFilter(host=HEAVY_HOST),
    "list of a status": TaskFilter(statuses=frozenset({"error"})),
    "list of three statuses": TaskFilter(statuses=frozenset({"new", "in_progress", "error"})),
    "list by a text nobody has": TaskFilter(text="nowhere"),
    "list by a label nobody has": TaskFilter(metadata={"team": "nobody"}),
}
# Where the last page of a list of everything begins.
_LAST = "select created_at, id::text from web_crawl_tasks order by created_at, id offset %s limit 1"


class ReadsBenchmark:
    """One run on a database of its own."""

    def __init__(self, info: StackInfo, tasks: int, rounds: int) -> None:
        self._info = info
        self._tasks = tasks
        self._rounds = rounds

    def run(self) -> dict[str, dict[str, float]]:
        """The medians of each kind of read."""
        with workspace(self._info) as space:
            dsn = self._info.dsn("owner", space.database)
            began = perf_counter()
            load(dsn, self._tasks, events=True)
            with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
                cursor.execute("analyze")
                cursor.execute(_LAST, (_LIMIT,))
                ((created_at, task_id),) = cursor.fetchall()
            say(f"{self._tasks:,} tasks loaded in {perf_counter() - began:.0f} s")
            with ServerTime(self._info.dsn("app", space.database)) as reads:
                kinds = _kinds(reads, Position(created_at, task_id))
                return asyncio.run(self._measure(reads, kinds))

    async def _measure(self, reads: ServerTime, kinds: Mapping[str, Read]) -> dict[str, dict[str, float]]:
        """In rounds that take turns, after one that warms up."""
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
        for number in range(self._rounds + 1):
            for name, read in kinds.items():
                await read()
                figures = reads.taken()
                if number:
                    taken[name].append(figures)
        return {name: medians(figures) for name, figures in taken.items()}


def _kinds(reads: Reads, last: Position) -> dict[str, Read]:
    lists, histories = PostgresTaskLists(reads), PostgresTaskHistories(reads)
    compute = ComputeStatistics(PostgresStatistics(reads), lambda: datetime.now(UTC))
    tasks, recall, task_id = PostgresTaskReader(reads), RecallTask(histories), TaskId(last.id)

    def page(wanted: TaskFilter, behind: Position | None, limit: int = _LIMIT) -> Read:
        return lambda: lists.walk(wanted, behind, limit=limit, walk=WALK)

    kinds: dict[str, Read] = {}
    for name, wanted in _LISTS.items():
        kinds[f"{name}, first page"] = page(wanted, None)
        kinds[f"{name}, last page"] = page(wanted, last)
    kinds["list, first page of 500"] = page(TaskFilter(), None, 500)
    kinds["statistics"] = lambda: compute(24)
    kinds["statistics of a user with a fifth of all"] = lambda: compute(24, UserEmail(HEAVY_USER))
    kinds["audit trail"] = lambda: histories.runs(task_id, None, TrailPosition(), limit=100, sees_deleted=False)
    kinds["task"] = lambda: tasks.find(task_id)
    kinds["task as of a version"] = lambda: recall(task_id, None, 1)
    return kinds


@click.command(name="reads")
@click.option(
    "--tasks", type=click.IntRange(10_000, 20_000_000), default=TASKS, show_default=True, help="Tasks to read among."
)
@click.option("--rounds", type=click.IntRange(3, 1000), default=50, show_default=True, help="Times each read is done.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object in the last line.")
def command(tasks: int, rounds: int, as_json: bool) -> None:
    """Measure what reading costs the database.

    Loads a million tasks into a database of its own, then reads pages from both ends of lists, figures, an audit trail
    and a task. The first figure of each is what planning and executing took on the server (by EXPLAIN ANALYZE), the
    second how long a client on this machine waits for the rows; both are medians.

    \b
    Examples:
      bin/bench reads
      bin/bench reads --tasks 5000000 --rounds 20
      bin/bench reads --json | tail -n 1
    """
    kinds = ReadsBenchmark(ensure_up(progress=say), tasks, rounds).run()
    click.echo(f"{'':42} {'server':>9} {'client':>9}")
    for name, figures in kinds.items():
        click.echo(f"{name:42} {figures['serverMs']:6.2f} ms {figures['callMs']:6.2f} ms")
    if as_json:
        click.echo(json.dumps({"tasks": tasks, "reads": kinds}))
