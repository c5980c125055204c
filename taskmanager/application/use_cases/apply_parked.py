"""Applies parked reports whose task appeared in a transaction that could not see them."""

from collections.abc import Sequence

import structlog

from taskmanager.application.changes import Changes
from taskmanager.application.commands import Reject
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.decide import Decision
from taskmanager.application.ports import Clock, ParkedReport, RowRefused, Snapshot, TaskStore

log = structlog.get_logger(__name__)

STRETCH = 2000


class ApplyParked:
    """Walks through the parked reports, a stretch at a time.

    One that the database refuses even alone becomes a dead letter, and does not keep those behind it from their effect.
    """

    def __init__(self, store: TaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._position = 0

    async def __call__(self) -> int:
        """Looks at the next stretch and answers how many reports it applied; starts over behind the last one.

        May raise a `StoreError`; what it has not applied waits on.
        """
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
        except RowRefused:
            if len(task_ids) > 1:
                middle = len(task_ids) // 2
                return await self._apply(task_ids[:middle]) + await self._apply(task_ids[middle:])
            return await self._apply_singly(task_ids[0])
        return len(changes.unparked)

    async def _apply_singly(self, task_id: str) -> int:
        """Applies what waits for a task one by one, and buries what is refused alone."""
        applied = 0
        while True:
            changes = Changes(self._clock.now(), {})
            first: ParkedReport | None = None
            try:
                async with self._store.transaction() as transaction:
                    snapshot = await transaction.load([], [task_id], [task_id])
                    first = next(iter(snapshot.parked.get(task_id, ())), None)
                    waiting = {} if first is None else {task_id: [first]}
                    Decision(Snapshot(snapshot.tasks, waiting), changes).apply_parked()
                    await transaction.commit(self._store.serialise(changes))
            except RowRefused as refusal:
                if first is None:
                    raise
                if await self._bury(first, refusal):
                    continue
                return applied
            if not changes.unparked:
                return applied
            applied += 1

    async def _bury(self, parked: ParkedReport, refusal: RowRefused) -> bool:
        log.warning("parked_report_refused_by_database", task_id=parked.report.id, error=str(refusal))
        reject = Reject(DeadLetterReason.REFUSED_BY_DATABASE, str(refusal), parked.report.id)
        return await self._store.bury_parked(parked.id, reject, self._clock.now())
