"""Lists hold what the filters mean, in order, every task once, whatever the pages are cut at."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskmanager.application.task_lists import ListedTask, Position, TaskFilter
from taskmanager.application.use_cases.reading.cursors import Cursors
from taskmanager.application.use_cases.reading.list_tasks import ListTasks
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import UserEmail
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.task_lists import PostgresTaskLists
from tests.builders import at, task_id
from tests.integration.api.reading.rows import HOSTS, QUERIES, USERS, store, stored_tasks
from tests.scratch import ScratchDatabase

_TASKS = stored_tasks(300, seed=7)
_filters = st.builds(
    TaskFilter,
    owner=st.none() | st.just(UserEmail(USERS[0])),
    user_email=st.none() | st.sampled_from(USERS).map(UserEmail),
    host=st.none() | st.sampled_from(HOSTS),
    statuses=st.frozensets(st.sampled_from([status.value for status in TaskStatus]), max_size=5),
    text=st.none() | st.sampled_from(["hours", "%", "of_it", "\\", "EXAMPLE", "nowhere", *QUERIES]),
    metadata=st.sampled_from([{}, {"team": "a"}, {"team": "a", "run": "7"}, {"team": "c"}]),
    created_after=st.none() | st.integers(-1, 9).map(at),
    created_before=st.none() | st.integers(-1, 9).map(at),
    newest_first=st.booleans(),
)


def _expected(wanted: TaskFilter) -> list[str]:
    found = [task for task in _TASKS if task.matches(wanted)]
    return [task.id for task in sorted(found, key=lambda task: (task.seconds, task.id), reverse=wanted.newest_first)]


async def _walked(lists: PostgresTaskLists, wanted: TaskFilter, limit: int, walk: int) -> list[ListedTask]:
    """All pages together, of which there are not more than the tasks can explain."""
    found: list[ListedTask] = []
    behind: Position | None = None
    for _ in range(2 * len(_TASKS)):
        items, behind = await lists.walk(wanted, behind, limit=limit, walk=walk)
        assert len(items) <= limit
        found += items
        if behind is None:
            return found
    raise AssertionError("the list has no end")


@pytest.fixture
def lists(database: ScratchDatabase, pool: Reads) -> PostgresTaskLists:
    store(database, _TASKS)
    return PostgresTaskLists(pool)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=_filters, limit=st.integers(1, 60), walk=st.integers(1, 400))
async def test_the_pages_together_are_what_the_filter_means(
    lists: PostgresTaskLists, wanted: TaskFilter, limit: int, walk: int
) -> None:
    assert [task.id for task in await _walked(lists, wanted, limit, walk)] == _expected(wanted)


async def test_tasks_that_come_and_go_meanwhile_move_no_other(
    database: ScratchDatabase, lists: PostgresTaskLists
) -> None:
    wanted = TaskFilter(newest_first=False)
    first, behind = await lists.walk(wanted, None, limit=50, walk=400)
    gone = first[-1].id  # the one that the position names
    database.run("update web_crawl_tasks set deleted_at = now() where id = %(id)s", {"id": gone})
    store(database, [_TASKS[0]._replace(id=task_id(1), seconds=-5), _TASKS[0]._replace(id=task_id(2), seconds=99)])
    rest: list[str] = []
    while behind is not None:
        items, behind = await lists.walk(wanted, behind, limit=50, walk=400)
        rest += [task.id for task in items]
    added = [] if _TASKS[0].is_deleted else [str(task_id(2))]
    assert rest == [*_expected(wanted)[50:], *added]


async def test_a_list_leaves_results_out_and_says_so(database: ScratchDatabase, pool: Reads) -> None:
    task = _TASKS[0]._replace(is_deleted=False, user_email="eve@example.com")
    store(
        database,
        [
            task._replace(id=task_id(1), status=TaskStatus.COMPLETED, took=4),
            task._replace(id=task_id(2), status=TaskStatus.ERROR),
        ],
    )
    items, _ = await PostgresTaskLists(pool).walk(TaskFilter(), None, limit=5, walk=5)
    told = {item.id: (item.result, item.result_omitted, item.error, item.duration_seconds) for item in items}
    assert told == {task_id(1): (None, True, None, 4.0), task_id(2): (None, False, "done", task.took)}


async def test_a_page_of_large_tasks_ends_early_and_the_next_goes_on(database: ScratchDatabase, pool: Reads) -> None:
    task = _TASKS[0]._replace(is_deleted=False, status=TaskStatus.ERROR, text="x" * 300_000)
    store(database, [task._replace(id=task_id(number), seconds=number) for number in range(6)])
    lists = PostgresTaskLists(pool, page_bytes=50_000)
    sizes, behind, found = [], None, []
    while not sizes or behind is not None:
        items, behind = await lists.walk(TaskFilter(), behind, limit=500, walk=501)
        sizes.append(len(items))
        found += [item.id for item in items]
    assert found == [task_id(number) for number in reversed(range(6))]
    assert max(sizes) < 6


async def test_processes_share_the_key_of_cursors(
    database: ScratchDatabase, lists: PostgresTaskLists, pool: Reads
) -> None:
    wanted = TaskFilter(statuses=frozenset({"new", "error"}))
    one, other = (ListTasks(PostgresTaskLists(pool), Cursors(PostgresTaskLists(pool))) for _ in range(2))
    first = await one(wanted, 10)
    second = await other(wanted, 500, first.next_cursor)
    assert [task.id for task in [*first.items, *second.items]] == _expected(wanted)
    with pytest.raises(InvalidValue, match="belongs to another list"):
        await other(wanted._replace(newest_first=False), 10, first.next_cursor)
