"""Operations on many tasks at once, which go on in the server."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, Unpack

import msgspec

from taskmanager.client.calls import Calls, given
from taskmanager.client.pages import items
from taskmanager.client.queries import TaskFilter
from taskmanager.client.transport import segment

Action = Literal["cancel", "retry", "delete"]
_OVER = frozenset({"completed", "cancelled", "failed"})
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 3.0


class Operation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far an operation is: of the tasks that `matched` so far, these were changed, unchanged or refused."""

    id: str
    action: str
    state: str
    matched: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    not_found: int | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    actor: str | None = None
    failure: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it comes to nothing more."""
        return self.state in _OVER


class Preview(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an operation would come to now; with `at_least` there may be more tasks than were counted."""

    matched: int
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    at_least: bool = False


class OperationPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of operations; `next` leads on and is None after the last."""

    items: list[Operation]
    next: str | None = None


class Operations:
    """`TaskManagerClient.operations`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def preview(
        self, action: Action, *, ids: Iterable[str] = (), everything: bool = False, **wanted: Unpack[TaskFilter]
    ) -> Preview:
        """What `start` would do, without doing anything."""
        body = _order(action, ids, wanted, everything=everything) | {"dryRun": True}
        return await self._calls.change("POST", "/tasks/bulk", Preview, body)

    async def start(
        self, action: Action, *, ids: Iterable[str] = (), everything: bool = False, **wanted: Unpack[TaskFilter]
    ) -> Operation:
        """Begins to cancel, retry or delete the tasks that are wanted; all there are must be said by `everything`."""
        body = _order(action, ids, wanted, everything=everything)
        return await self._calls.change("POST", "/tasks/bulk", Operation, body)

    async def get(self, operation_id: str) -> Operation:
        """The operation as it is."""
        return await self._calls.read(f"/operations/{segment(operation_id)}", Operation)

    def list_operations(self, *, page_size: int = 100) -> AsyncIterator[Operation]:
        """All that the caller may see, the newest first."""
        return items(self._calls, "/operations", OperationPage, {"limit": page_size}, "next", "before")

    async def cancel(self, operation_id: str) -> Operation:
        """Lets it go no further; what was done stays done."""
        return await self._calls.change("POST", f"/operations/{segment(operation_id)}/cancel", Operation)

    async def wait(self, operation_id: str, progress: Callable[[Operation], None] | None = None) -> Operation:
        """The operation once it is over; `progress` hears how far it is. End the wait by `asyncio.timeout`."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            operation = await self.get(operation_id)
            if progress is not None:
                progress(operation)
            if operation.is_over:
                return operation
            await self._calls.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def _order(action: Action, ids: Iterable[str], wanted: TaskFilter, *, everything: bool) -> dict[str, Any]:
    status = wanted.get("status")
    chosen: Mapping[str, object] = given(
        status=[status] if isinstance(status, str) else status and list(status),
        userEmail=wanted.get("user_email"),
        host=wanted.get("host"),
        metadata=wanted.get("metadata"),
        createdAfter=wanted.get("created_after"),
        createdBefore=wanted.get("created_before"),
        ids=list(ids) or None,
    )
    if "text" in wanted:
        raise ValueError("an operation cannot choose tasks by a text in them")
    return {"action": action, "filter": {**chosen, "all": True} if everything else chosen}
