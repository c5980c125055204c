"""Shows operations, and calls them off."""

from collections.abc import Sequence

from taskmanager.application.bulk_model import Operation
from taskmanager.application.ports import Clock
from taskmanager.application.use_cases.bulk.ports import Operations
from taskmanager.domain.values import UserEmail


class FollowOperations:
    """What those who began operations want to know; whoever has an `owner` sees that user's alone.

    Every method may raise a `StoreError`.
    """

    def __init__(self, operations: Operations, clock: Clock) -> None:
        self._operations = operations
        self._clock = clock

    async def find(self, operation_id: str, owner: UserEmail | None) -> Operation | None:
        """The operation as it stands, None if there is none of this id."""
        return await self._operations.find(operation_id, owner)

    async def page(self, owner: UserEmail | None, before: str | None, limit: int) -> Sequence[Operation]:
        """The newest first; the next page is asked for `before` the last id of this one."""
        return await self._operations.page(owner, before, limit)

    async def cancel(self, operation_id: str, owner: UserEmail | None) -> Operation | None:
        """Lets the operation go no further and answers how it stands then, None if there is none of this id.

        What it has changed stays changed; one that is over stays as it is.
        """
        cancelled = await self._operations.cancel(operation_id, owner, self._clock.now())
        return cancelled or await self._operations.find(operation_id, owner)
