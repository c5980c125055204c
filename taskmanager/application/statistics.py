"""Figures of tasks, and what those who compute them need of the store."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, NamedTuple, Protocol

import msgspec

from taskmanager.domain.status import SETTLED, TaskStatus
from taskmanager.domain.values import UserEmail

SETTLED_STATUSES = tuple(status.value for status in TaskStatus if status in SETTLED)


class Durations(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How long tasks took from the start of their last attempt to its end; `sample_size` says how many were seen."""

    sample_size: int
    p50_seconds: float | None
    p95_seconds: float | None


NO_DURATIONS = Durations(sample_size=0, p50_seconds=None, p95_seconds=None)


class TaskStatistics(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Tasks created within a window by the status that they have now; times in UTC.

    The window begins with the whole hour that `hours` before now lie in. For a user with very many tasks it begins
    later, with `is_shortened`. What was deleted does not count. `settled_per_second` counts the tasks of the window
    that are completed, failed or cancelled by now.
    """

    hours: float
    from_: Annotated[datetime, msgspec.Meta(description="Where the window really begins.")] = msgspec.field(name="from")
    to: datetime
    is_shortened: bool
    tasks: dict[str, int]
    total: int
    created_per_second: float
    settled_per_second: float
    durations: dict[str, Durations]


class UserFigures(NamedTuple):
    """Counts and durations by status of a user's tasks, of all or of those created since `counted_since`."""

    counted_since: datetime | None
    counts: Mapping[str, int]
    durations: Mapping[str, Durations]


class StatisticsStore(Protocol):
    """Where tasks are counted and measured; what has no tasks may be missing. Methods may raise a `StoreError`."""

    async def counts(self, since: datetime) -> Mapping[str, int]:
        """Tasks created since a whole hour, by status."""

    async def durations(self, since: datetime, *, sample: int) -> Mapping[str, Durations]:
        """By settled status, of the youngest `sample` tasks created since then."""

    async def of_user(self, user_email: UserEmail, since: datetime, *, most: int) -> UserFigures:
        """The figures of a user's tasks created since then; of the youngest `most` and those that share their time."""
