"""The statistics functions, which add counters up, against counting the tasks one by one."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.errors import InvalidParameterValue, InvalidTextRepresentation
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the driver names its class in lower case
from psycopg2.extras import execute_values
from psycopg2.sql import SQL, Identifier

from taskmanager.domain.status import TaskStatus
from tests.scratch import ScratchDatabase

_STATUSES = [status.value for status in TaskStatus]
_BY_HOURS = [
    "get_new_tasks_count",
    "get_completed_tasks_count",
    "get_error_tasks_count",
    "get_total_tasks_count_by_creation_time",
    "get_web_crawl_metrics",
]


class StoredTask(NamedTuple):
    """How old a task is, where it stands, and where it stood when it was first counted."""

    minutes_ago: int
    first: str
    status: str
    slot: str
    is_deleted: bool


_tasks = st.lists(
    st.builds(
        StoredTask,
        minutes_ago=st.integers(min_value=0, max_value=300) | st.integers(min_value=0, max_value=100_000),
        first=st.sampled_from(_STATUSES),
        status=st.sampled_from(_STATUSES),
        slot=st.sampled_from(["consumer-00", "consumer-01", "api"]),
        is_deleted=st.booleans(),
    ),
    max_size=25,
)
_hours = st.floats(min_value=0.001, max_value=10, exclude_min=True) | st.sampled_from(
    [0.5, 1.0, 24.0, 1000.0, 1e7, 1e300]
)


@pytest.fixture
def cursor(unchanged: ScratchDatabase) -> Iterator[Cursor]:
    """A cursor in a transaction that is never committed, and in which now() stands still."""
    with unchanged.connected(autocommit=False) as connection, connection.cursor() as cursor:
        yield cursor


def _store(cursor: Cursor, tasks: list[StoredTask]) -> None:
    if not tasks:
        return
    execute_values(
        cursor,
        """
        insert into web_crawl_tasks (id, user_email, user_query, original_url, status, version, attempt, received_at,
                                     created_at, updated_at, deleted_at)
        select gen_random_uuid(), 'a@example.com', 'q', 'http://example.com', status::task_status, 1, 1, at, at, at,
               case when is_deleted then now() end
        from (select now() - make_interval(mins => minutes) as at, * from (values %s) v (minutes, status, is_deleted)) t
        """,
        [(task.minutes_ago, task.status, task.is_deleted) for task in tasks],
        page_size=10_000,
    )
    counts: Counter[tuple[int, str, str]] = Counter()
    for task in tasks:
        counts[task.minutes_ago, task.first, task.slot] += 1
        counts[task.minutes_ago, task.first, "api"] -= 1
        if not task.is_deleted:
            counts[task.minutes_ago, task.status, "api"] += 1
    execute_values(
        cursor,
        """
        insert into task_counters as c (created_hour, status, slot, count)
        select date_trunc('hour', now() - make_interval(mins => minutes), 'UTC'), status, slot, sum(count)
        from (values %s) v (minutes, status, slot, count)
        group by 1, 2, 3
        """,
        [(*key, count) for key, count in counts.items()],
        page_size=10_000,
    )


def _fetch(cursor: Cursor, statement: str, *parameters: object) -> tuple[object, ...]:
    cursor.execute(statement, parameters)
    row = cursor.fetchone()
    assert row is not None
    return tuple(row)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tasks=_tasks, hours=_hours)
def test_every_function_counts_what_counting_the_tasks_counts(
    cursor: Cursor, tasks: list[StoredTask], hours: float
) -> None:
    cursor.connection.rollback()
    _store(cursor, tasks)
    seen = [task for task in tasks if not task.is_deleted and task.minutes_ago <= hours * 60]
    recent = Counter(task.status for task in seen)
    ever = Counter(task.status for task in tasks if not task.is_deleted)
    for status in _STATUSES:
        assert _fetch(cursor, "select get_tasks_count_by_status(%s, %s)", status, hours) == (recent[status],)
        assert _fetch(cursor, "select count_web_crawl_tasks_by_status(%s)", status) == (ever[status],)
        found = "select count(*) from find_web_crawl_tasks_by_status(%s)"
        assert _fetch(cursor, found, status) == (ever[status],)
    total = sum(recent.values())
    assert _fetch(cursor, "select get_new_tasks_count(%s)", hours) == (recent["new"],)
    assert _fetch(cursor, "select get_completed_tasks_count(%s)", hours) == (recent["completed"],)
    assert _fetch(cursor, "select get_error_tasks_count(%s)", hours) == (recent["error"],)
    assert _fetch(cursor, "select get_total_tasks_count_by_creation_time(%s)", hours) == (total,)
    assert _fetch(cursor, "select * from get_web_crawl_metrics(%s)", hours) == (
        *(recent[status] for status in _STATUSES),
        total,
    )


def test_the_window_is_a_day_unless_said_otherwise(cursor: Cursor) -> None:
    _store(
        cursor,
        [
            StoredTask(23 * 60, "new", "completed", "api", is_deleted=False),
            StoredTask(25 * 60, "new", "completed", "api", is_deleted=False),
        ],
    )
    assert _fetch(cursor, "select get_completed_tasks_count(), get_total_tasks_count_by_creation_time()") == (1, 1)


@pytest.mark.parametrize("function", _BY_HOURS)
@pytest.mark.parametrize("hours", ["0", "-1", "'-Infinity'", "'NaN'", "null"])
def test_hours_that_are_no_positive_number_are_refused(cursor: Cursor, function: str, hours: str) -> None:
    with pytest.raises(InvalidParameterValue, match="hours must be a positive number"):
        cursor.execute(SQL("select * from {}({})").format(Identifier(function), SQL(hours)))


def test_endless_hours_count_everything(cursor: Cursor) -> None:
    _store(cursor, [StoredTask(99_999_999, "new", "error", "api", is_deleted=False)])
    assert _fetch(cursor, "select get_error_tasks_count('Infinity')") == (1,)


@pytest.mark.parametrize("call", ["count_web_crawl_tasks_by_status('done')", "get_tasks_count_by_status('done', 24)"])
def test_a_status_that_does_not_exist_is_refused(cursor: Cursor, call: str) -> None:
    with pytest.raises(InvalidTextRepresentation, match="done"):
        cursor.execute(f"select {call}")


def test_a_task_is_found_by_its_id_unless_it_was_deleted(cursor: Cursor) -> None:
    _store(cursor, [StoredTask(1, "new", "new", "api", is_deleted=False)])
    ((task_id,),) = [_fetch(cursor, "select id from web_crawl_tasks")]
    found = "select count(*) from find_web_crawl_task_by_id(%s)"
    assert _fetch(cursor, found, task_id) == (1,)
    cursor.execute("update web_crawl_tasks set deleted_at = now()")
    assert _fetch(cursor, found, task_id) == (0,)


def test_only_the_tasks_of_the_hour_that_the_window_cuts_are_looked_at(cursor: Cursor) -> None:
    _store(cursor, [StoredTask(minute, "new", "completed", "api", is_deleted=False) for minute in range(3000)])
    cursor.execute("analyze web_crawl_tasks; set local enable_seqscan = off; set local enable_bitmapscan = off")
    looked_at = "select idx_tup_fetch, seq_tup_read from pg_stat_xact_user_tables where relname = 'web_crawl_tasks'"
    before = _fetch(cursor, looked_at)
    assert _fetch(cursor, "select get_completed_tasks_count(24)") == (24 * 60 + 1,)
    after = _fetch(cursor, looked_at)
    assert isinstance(before[0], int)
    assert isinstance(after[0], int)
    assert after[0] - before[0] <= 60
    assert after[1] == before[1]
