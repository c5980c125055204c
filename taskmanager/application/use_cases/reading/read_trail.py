"""Reads what happened to a task, page by page."""

from collections.abc import Sequence
from typing import NamedTuple

from taskmanager.application.principal import Permission, Principal
from taskmanager.application.task_history import TaskHistories, TrailEntry, TrailPosition, TrailRun
from taskmanager.application.use_cases.reading.cursors import Cursors
from taskmanager.domain.values import TaskId


class TrailPage(NamedTuple):
    """Some entries in the order of their recording, and how to go on, None after the last."""

    entries: Sequence[TrailEntry]
    next_cursor: str | None


class ReadTrail:
    """Answers a task's audit trail; that of a deleted task to those alone who may operate the service."""

    def __init__(self, histories: TaskHistories, cursors: Cursors) -> None:
        self._histories = histories
        self._cursors = cursors

    async def __call__(
        self, task_id: TaskId, principal: Principal, limit: int, cursor: str | None = None
    ) -> TrailPage | None:
        """The next entries, `limit` at most; None if there is no task of this id for this principal.

        Raises `InvalidValue` for a cursor that is none of this trail, or a `StoreError`.
        """
        owner = principal.user_email
        name = ("trail", task_id, owner)
        after = TrailPosition()
        if cursor is not None:
            after = TrailPosition(*map(int, await self._cursors.open(cursor, name)))
        sees_deleted = principal.allows(Permission.OPERATE)
        runs = await self._histories.runs(task_id, owner, after, limit=limit, sees_deleted=sees_deleted)
        if runs is None:
            return None
        entries, reached = _merged(runs, after, limit)
        if reached is None:
            return TrailPage(entries, None)
        return TrailPage(entries, await self._cursors.seal(reached, name))


def _merged(
    runs: Sequence[TrailRun], after: TrailPosition, limit: int
) -> tuple[list[TrailEntry], TrailPosition | None]:
    """The first entries of all runs by their time, each run in its own order, and where that ends if more follows.

    What a cut run goes on with may be older than what the others hold: nothing is taken behind its end.
    """
    entries: list[TrailEntry] = []
    reached = after
    taken = dict.fromkeys((run.kind for run in runs), 0)
    while True:
        left = [run for run in runs if taken[run.kind] < len(run.entries)]
        is_at_end_of_cut = any(run.is_cut and taken[run.kind] == len(run.entries) for run in runs)
        if is_at_end_of_cut or not left or len(entries) == limit:
            return entries, reached if left or is_at_end_of_cut else None
        first = min(left, key=lambda run: run.entries[taken[run.kind]][1].recorded_at)
        place, entry = first.entries[taken[first.kind]]
        entries.append(entry)
        taken[first.kind] += 1
        reached = reached._replace(**{first.kind: place})
