"""Figures of tasks from PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from taskmanager.application.statistics import SETTLED_STATUSES, Durations, UserFigures
from taskmanager.domain.values import UserEmail
from taskmanager.infrastructure.postgres.planning import by_index
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.serialising import array
from taskmanager.infrastructure.postgres.statements import load_statements


class PostgresStatistics:
    """Implements `StatisticsStore` by statements that stand alone; raises what the pool raises."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool
        statements = load_statements("statistics")
        self._counts = statements["counts"]
        self._durations = by_index(statements["durations"])
        self._of_user = by_index(statements["figures_of_user"])

    async def counts(self, since: datetime) -> Mapping[str, int]:
        """See `StatisticsStore.counts`."""
        return dict(await self._pool.fetch(self._counts, {"since": since}))

    async def durations(self, since: datetime, *, sample: int) -> Mapping[str, Durations]:
        """See `StatisticsStore.durations`."""
        parameters = {"since": since, "sample": sample, "settled": array(SETTLED_STATUSES)}
        rows = await self._pool.fetch(self._durations, parameters)
        return {status: _durations(size, percentiles) for status, size, percentiles in rows}

    async def of_user(self, user_email: UserEmail, since: datetime, *, most: int) -> UserFigures:
        """See `StatisticsStore.of_user`."""
        parameters = {"user_email": user_email, "since": since, "most": most}
        rows = await self._pool.fetch(self._of_user, parameters)
        return UserFigures(
            rows[0][0],
            {status: count for _, status, count, *_ in rows if status is not None},
            {status: _durations(size, percentiles) for _, status, _, size, percentiles in rows if size},
        )


def _durations(size: int, percentiles: Sequence[float]) -> Durations:
    p50, p95 = percentiles
    return Durations(sample_size=size, p50_seconds=float(p50), p95_seconds=float(p95))
