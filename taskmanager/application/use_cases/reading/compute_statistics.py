"""Computes the figures of a window of time at a cost that does not depend on the number of tasks."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from taskmanager.application.statistics import (
    NO_DURATIONS,
    SETTLED_STATUSES,
    Durations,
    StatisticsStore,
    TaskStatistics,
)
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import UserEmail

_SAMPLE = 500
_OF_USER_MAX = 2500


class ComputeStatistics:
    """Answers counts, durations and throughput of all tasks or of one user's."""

    def __init__(
        self, store: StatisticsStore, now: Callable[[], datetime], *, sample: int = _SAMPLE, of_user: int = _OF_USER_MAX
    ) -> None:
        self._store = store
        self._now = now
        self._sample = sample
        self._of_user = of_user

    async def __call__(self, hours: float, user_email: UserEmail | None = None) -> TaskStatistics:
        """The figures of the last `hours` (> 0), of one user's tasks if one is given; may raise a `StoreError`."""
        now = self._now().astimezone(UTC)
        since = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
        if user_email is None:
            counts = await self._store.counts(since)
            durations = await self._store.durations(since, sample=self._sample)
            return _statistics(hours, since, now, counts, durations, is_shortened=False)
        counted_since, counts, durations = await self._store.of_user(user_email, since, most=self._of_user)
        if counted_since is not None:
            since = counted_since.astimezone(UTC)
        return _statistics(hours, since, now, counts, durations, is_shortened=counted_since is not None)


def _statistics(
    hours: float,
    since: datetime,
    now: datetime,
    counts: Mapping[str, int],
    durations: Mapping[str, Durations],
    *,
    is_shortened: bool,
) -> TaskStatistics:
    tasks = {status.value: counts.get(status.value, 0) for status in TaskStatus}
    # Clocks differ: a consumer's may be ahead of ours.
    seconds = max((now - since).total_seconds(), 1.0)
    total = sum(tasks.values())
    return TaskStatistics(
        hours=hours,
        from_=since,
        to=now,
        is_shortened=is_shortened,
        tasks=tasks,
        total=total,
        created_per_second=total / seconds,
        settled_per_second=sum(tasks[status] for status in SETTLED_STATUSES) / seconds,
        durations={status: durations.get(status, NO_DURATIONS) for status in SETTLED_STATUSES},
    )
