"""Applies parked reports whose task appeared in a transaction that could not see them."""

from collections.abc import Sequence

import structlog

from taskmanager.application.changes import Changes
from taskmanager.application.decide import Decision
from taskmanager.application.ports import Clock, RowRefused, TaskStore

log = structlog.get_logger(__name__)

STRETCH = 2000


class ApplyParked:
    """Walks through the parked reports, a stretch at a time; may raise a `StoreError`, and then nothing was applied."""

    def __init__(self, store: TaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._position = 0

    async def __call__(self) -> int:
        """Looks at the next stretch and answers how many reports it applied; starts over behind the last one."""
        position, task_ids = await self._store.tasks_with_parked_reports(self._position, STRETCH)
        applied = await self._apply(task_ids) if task_ids else 0
        self._position = position or 0
        return applied

    async def _apply(self, task_ids: Sequence[str]) -> int:
        changes = Changes(self._clock.now(), {})
        try:
            async with self._store.transaction() as transaction:
                snapshot = await transaction.load([], task_ids, task_ids)
                Decision(snapshot, changes).apply_parked()
                await transaction.commit(self._store.serialise(changes))
        except RowRefused as refusal:
            if len(task_ids) > 1:
                middle = len(task_ids) // 2
                return await self._apply(task_ids[:middle]) + await self._apply(task_ids[middle:])
            # It waits on, until it is too old; those behind it must not.
            log.warning("parked_report_refused_by_database", task_id=task_ids[0], error=str(refusal))
            return 0
        return len(changes.unparked)
