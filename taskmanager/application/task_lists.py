"""Lists of tasks: what is asked for, and what their store answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from taskmanager.application.read_model import TaskView
from taskmanager.domain.values import UserEmail


class ListedTask(TaskView, frozen=True, kw_only=True, rename="camel"):
    """A task in a list: `result` is always null there, and `result_omitted` says whether the task has one."""

    result_omitted: bool


class TaskFilter(NamedTuple):
    """Which tasks are wanted, and in which order; None and what is empty want all.

    `owner` is the user whose tasks alone a bound caller may see, `user_email` the one that it asks for. `host` is that
    of the address in its normal form, `text` a part of the query or the address in any case, `metadata` labels that a
    task must have, all of them. Tasks of exactly `created_after` are wanted, those of `created_before` are not.
    """

    owner: UserEmail | None = None
    user_email: UserEmail | None = None
    host: str | None = None
    statuses: frozenset[str] = frozenset()
    text: str | None = None
    metadata: Mapping[str, str] = {}
    created_after: datetime | None = None
    created_before: datetime | None = None
    newest_first: bool = True


class Position(NamedTuple):
    """A place in a list: right behind the task with this time and id."""

    created_at: datetime
    id: str


class Walk(NamedTuple):
    """The wanted tasks of a part of a list, in its order; `end` is where to go on, None where nothing is left."""

    items: Sequence[ListedTask]
    end: Position | None


class TaskLists(Protocol):
    """Where tasks are listed. Every method may raise a `StoreError`."""

    async def walk(self, wanted: TaskFilter, behind: Position | None, *, limit: int, walk: int) -> Walk:
        """Looks at the next `walk` tasks of the order behind a position (None: at the start), answers `limit` at most.

        Fewer where they are large; those that were deleted are left out.
        """


class CursorKeys(Protocol):
    """Where the key lies that cursors are signed with, the same for all processes."""

    async def cursor_key(self) -> bytes:
        """The key; may raise a `StoreError`."""
