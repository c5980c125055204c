"""Figures against looking at every task."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskmanager.application.statistics import Durations
from taskmanager.application.use_cases.reading.compute_statistics import ComputeStatistics
from taskmanager.domain.status import SETTLED, TaskStatus
from taskmanager.domain.values import UserEmail
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.statistics import PostgresStatistics
from tests.builders import NOON, at
from tests.integration.api.reading.rows import USERS, StoredTask, store, stored_tasks
from tests.scratch import ScratchDatabase

_HOUR = 3600
_COUNT = """
insert into task_counters (created_hour, status, slot, count)
select date_trunc('hour', created_at, 'UTC'), status::text, 'consumer-0' || n, (2 - 3 * n) * count(*)
from web_crawl_tasks, generate_series(0, 1) n where deleted_at is null group by 1, 2, n
"""
# Spread over five hours up to noon.
_TASKS = [
    task._replace(seconds=-(number // 3) * 180, took=float(number % 17))
    for number, task in enumerate(stored_tasks(300, seed=11))
]


@pytest.fixture
def statistics(database: ScratchDatabase, pool: Reads) -> PostgresStatistics:
    store(database, _TASKS)
    database.run(_COUNT)
    return PostgresStatistics(pool)


def _existing(since: datetime, user_email: str | None = None) -> list[StoredTask]:
    return [
        task
        for task in _TASKS
        if not task.is_deleted and at(task.seconds) >= since and user_email in (None, task.user_email)
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hours=st.floats(0.01, 8) | st.just(87_000.0),
    user_email=st.none() | st.sampled_from(USERS).map(UserEmail),
    most=st.integers(1, 400),
)
async def test_the_figures_are_those_of_the_window_that_they_name(
    statistics: PostgresStatistics, hours: float, user_email: UserEmail | None, most: int
) -> None:
    now = NOON + timedelta(minutes=7)
    found = await ComputeStatistics(statistics, lambda: now, sample=1000, of_user=most)(hours, user_email)

    tasks = _existing(found.from_, user_email)
    counts = Counter(task.status.value for task in tasks)
    assert found.tasks == {status.value: counts[status.value] for status in TaskStatus}
    assert found.total == len(tasks)
    seconds = (now - found.from_).total_seconds()
    assert found.created_per_second == pytest.approx(len(tasks) / seconds)
    assert found.settled_per_second == pytest.approx(sum(counts[status] for status in SETTLED) / seconds)
    for status in SETTLED:
        took = [task.took for task in tasks if task.status is status]
        assert found.durations[status] == Durations(
            sample_size=len(took), p50_seconds=_percentile(took, 0.5), p95_seconds=_percentile(took, 0.95)
        )
    asked_since = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
    if user_email is None:
        assert not found.is_shortened
    else:
        # Deleted tasks are looked at as well, and those that share their time together.
        times = [
            at(task.seconds) for task in _TASKS if task.user_email == user_email and at(task.seconds) >= asked_since
        ]
        assert found.is_shortened == (len(times) > most and sorted(times)[-most] > min(times))
    if not found.is_shortened:
        assert found.from_ == asked_since


async def test_durations_are_those_of_the_youngest_tasks(statistics: PostgresStatistics) -> None:
    since = at(-24 * _HOUR)
    youngest = sorted(
        (task for task in _TASKS if task.status is TaskStatus.ERROR), key=lambda task: task.seconds, reverse=True
    )[:10]
    took = [task.took for task in youngest if not task.is_deleted]
    found = await statistics.durations(since, sample=10)
    assert found["error"] == Durations(
        sample_size=len(took), p50_seconds=_percentile(took, 0.5), p95_seconds=_percentile(took, 0.95)
    )


async def test_a_user_without_tasks_has_figures_too(statistics: PostgresStatistics) -> None:
    found = await ComputeStatistics(statistics, lambda: NOON)(24, UserEmail("nobody@example.com"))
    assert (found.total, found.is_shortened, found.durations["completed"].sample_size) == (0, False, 0)


def _percentile(values: list[float], fraction: float) -> float | None:
    """By interpolation between the two nearest."""
    if not values:
        return None
    values = sorted(values)
    place = fraction * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return pytest.approx(values[low] + (values[high] - values[low]) * (place - low))
