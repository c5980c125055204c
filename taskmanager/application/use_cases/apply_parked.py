"""Applies parked reports whose task appeared in a transaction that could not see them."""

from taskmanager.application.changes import Changes
from taskmanager.application.decide import Decision
from taskmanager.application.ports import Clock, TaskStore

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
        applied = 0
        if task_ids:
            changes = Changes(self._clock.now(), {})
            async with self._store.transaction() as transaction:
                snapshot = await transaction.load([], task_ids, task_ids)
                Decision(snapshot, changes).apply_parked()
                await transaction.commit(changes)
            applied = len(changes.unparked)
        self._position = position or 0
        return applied
