"""What many writers have counted is added up once hardly anybody counts there any more."""

from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from taskmanager.application.ports import Clock
from taskmanager.application.use_cases.housekeeping.batches import in_batches
from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.rule import Done

# Most tasks are settled by then; who still changes one of that hour begins a row anew.
_AGE = timedelta(days=1)


class Counters(Protocol):
    """The counters of tasks by hour of creation, status and writer; every method may raise a `StoreError`."""

    async def fold(self, before: datetime, limit: int) -> int:
        """Adds at most `limit` rows of hours before this moment to the one of their hour and status.

        Answers how many; leaves out those that a writer is at. No sum changes, whoever looks when.
        """

    async def count_unfolded(self, before: datetime) -> int:
        """How many rows of writers there are in hours before this moment."""


class TaskCounters:
    """Keeps the number of counters from growing with that of the writers: what statistics read stays small."""

    name = "task-counters"

    def __init__(self, counters: Counters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock

    async def apply(self, reading: Reading) -> Done:  # noqa: ARG002 - a rule's signature
        """See `Rule.apply`."""
        return await in_batches("folded", partial(self._counters.fold, self._clock.now() - _AGE))

    async def preview(self, reading: Reading) -> Done:  # noqa: ARG002
        """See `Rule.preview`."""
        return Done({"folded": await self._counters.count_unfolded(self._clock.now() - _AGE)})

    async def outlook(self, reading: Reading) -> str:  # noqa: ARG002
        """See `Rule.outlook`."""
        return "counters of a day ago and before are added up"
