"""What a page costs does not grow with the log, and not because the statistics happen to be fresh."""

from collections.abc import Mapping
from typing import Any

import pytest

from taskmanager.application.feed.model import EventFilter
from taskmanager.domain.values import TaskId, UserEmail
from taskmanager.infrastructure.postgres.event_feed import PostgresFeedStore
from taskmanager.infrastructure.postgres.session import Row
from tests.scratch import ScratchDatabase

TASKS = 60_000
EVENTS = 2 * TASKS
WALK = 2000
LOAD = """
insert into web_crawl_tasks (id, user_email, user_query, original_url, status, version, attempt, received_at,
    created_at, updated_at)
select md5(n::text)::uuid, 'user-' || n %% 500 || '@example.com', 'q', 'https://example.com/', 'in_progress', 2, 1,
       now(), now(), now()
from generate_series(1, %(tasks)s) n;
insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at)
select md5(n::text)::uuid, version, case version when 1 then 'TaskCreated' else 'TaskStarted' end, 1, now(), now()
from generate_series(1, 2) version, generate_series(1, %(tasks)s) n
order by version, n
"""
USER = UserEmail("user-7@example.com")
TASK = TaskId("c4ca4238-a0b9-2382-0dcc-509a6f75849b")  # the first, by the rule above


class Explaining:
    """Implements `Reads`: runs statements, and remembers the most rows that any part of a plan has looked at."""

    def __init__(self, database: ScratchDatabase) -> None:
        self.most = 0
        self._database = database

    async def fetch(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """See `Reads.fetch`."""
        ((told,),) = self._database.run(f"explain (analyze, format json) {statement}", parameters)
        self._look(told[0]["Plan"])
        return self._database.run(statement, parameters)

    async def close(self) -> None:
        """See `Reads.close`."""

    def _look(self, plan: dict[str, Any]) -> None:
        looked_at = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        self.most = max(self.most, looked_at * plan["Actual Loops"])
        for part in plan.get("Plans", ()):
            self._look(part)


@pytest.fixture(params=["without statistics", "with statistics"])
def large(request: pytest.FixtureRequest, database: ScratchDatabase) -> ScratchDatabase:
    with database.connected() as connection, connection.cursor() as cursor:
        # Autovacuum would decide by chance which case is tried.
        for partition in database.run("select name from event_partition_bounds()"):
            cursor.execute(f"alter table {partition[0]} set (autovacuum_enabled = off)")
        cursor.execute("alter table web_crawl_tasks set (autovacuum_enabled = off)")
        cursor.execute(LOAD, {"tasks": TASKS})
        if request.param == "with statistics":
            cursor.execute("analyze task_events")
            cursor.execute("analyze web_crawl_tasks")
    return database


@pytest.mark.parametrize("after", [0, EVENTS // 2, EVENTS - 10])
async def test_no_part_of_a_page_looks_at_more_than_the_walk(large: ScratchDatabase, after: int) -> None:
    reads = Explaining(large)
    store = PostgresFeedStore(reads)
    asked = {
        "everything": EventFilter(),
        "user": EventFilter(owner=USER),
        "both users": EventFilter(owner=USER, user_email=USER),
        "type": EventFilter(types=frozenset({"TaskDeleted"})),
        "status": EventFilter(statuses=frozenset({"completed"})),
        "task": EventFilter(task_id=TASK),
    }
    most = {}
    for name, wanted in asked.items():
        reads.most = 0
        await store.page(wanted, after, EVENTS, limit=500, walk=WALK)
        most[name] = reads.most
    reads.most = 0
    await store.run(after, WALK)
    most["run"] = reads.most
    reads.most = 0
    assert await store.last() == EVENTS
    most["last"] = reads.most

    assert max(most.values()) <= WALK + 1, most
    assert most["task"] <= 2
    assert most["last"] == 1
