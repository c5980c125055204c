"""Operations on many tasks that are over are forgotten after a while."""

from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from taskmanager.application.ports import Clock
from taskmanager.application.use_cases.housekeeping.batches import in_batches
from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.rule import Done


class FinishedOperations(Protocol):
    """The operations that are over; every method may raise a `StoreError`."""

    async def delete_finished(self, before: datetime, limit: int) -> int:
        """Deletes at most `limit` that ended before this moment, the oldest first; answers how many."""

    async def count_finished(self, before: datetime) -> int:
        """How many ended before this moment."""

    async def oldest_finished(self) -> datetime | None:
        """When the first of all ended; None if there is none."""


class BulkOperations:
    """Deletes operations `keep` after their end; what they changed stays in the history."""

    name = "bulk-operations"

    def __init__(self, operations: FinishedOperations, clock: Clock, keep: timedelta) -> None:
        self._operations = operations
        self._clock = clock
        self._keep = keep

    async def apply(self, reading: Reading) -> Done:  # noqa: ARG002 - a rule's signature
        """See `Rule.apply`."""
        before = self._clock.now() - self._keep
        return await in_batches("deleted", partial(self._operations.delete_finished, before))

    async def preview(self, reading: Reading) -> Done:  # noqa: ARG002
        """See `Rule.preview`."""
        return Done({"deleted": await self._operations.count_finished(self._clock.now() - self._keep)})

    async def outlook(self, reading: Reading) -> str:  # noqa: ARG002
        """See `Rule.outlook`."""
        oldest = await self._operations.oldest_finished()
        if oldest is None:
            return "there are no operations that are over"
        return f"the first operation is kept until {oldest + self._keep:%Y-%m-%d %H:%M:%S} UTC"
