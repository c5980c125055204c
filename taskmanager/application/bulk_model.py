"""Operations that change many tasks: what is asked for, and how far it has come."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self

import msgspec

from taskmanager.application.task_lists import Position, TaskFilter
from taskmanager.domain.values import UserEmail


class BulkAction(StrEnum):
    """What is done with each task."""

    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


class OperationState(StrEnum):
    """Whether an operation still has something to do."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether it comes to nothing more."""
        return self not in {OperationState.PENDING, OperationState.RUNNING}


class Selection(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which tasks are meant: those that satisfy everything that is given, in the normal forms of the value objects."""

    status: tuple[str, ...] = ()
    user_email: str | None = None
    host: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: Mapping[str, str] = {}
    ids: tuple[str, ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asked for; with an `owner` it concerns that user's tasks alone."""

    action: BulkAction
    selection: Selection
    actor: str
    owner: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None

    def wanted(self, before: datetime) -> TaskFilter:
        """The tasks that were made before some moment, from the oldest on; the ids of the selection aside."""
        chosen = self.selection
        return TaskFilter(
            owner=None if self.owner is None else UserEmail(self.owner),
            user_email=None if chosen.user_email is None else UserEmail(chosen.user_email),
            host=chosen.host,
            statuses=frozenset(chosen.status),
            metadata=chosen.metadata,
            created_after=chosen.created_after,
            created_before=min(before, chosen.created_before or before),
            newest_first=False,
        )


class Tally(NamedTuple):
    """How many tasks matched: the sum of those that were changed, were so already, or may not be changed."""

    changed: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def matched(self) -> int:
        """All of them."""
        return sum(self)

    def and_(self, more: Self) -> Self:
        """Both together."""
        return type(self)(*map(sum, zip(self, more, strict=True)))


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An order on its way; `position` is where it goes on, `failure` why it went no further."""

    id: str
    order: Order
    state: OperationState
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    tally: Tally = Tally()
    position: Position | None = None
    failure: str | None = None

    @property
    def not_found(self) -> int | None:
        """How many of the ids that were named no task matched; None where that is not known (yet)."""
        ids = self.order.selection.ids
        return len(ids) - self.tally.matched if ids and self.state is OperationState.COMPLETED else None


class Preview(NamedTuple):
    """What an order would come to now; there may be more where it is not complete."""

    tally: Tally
    is_complete: bool
