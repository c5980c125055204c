"""Makes the next changes of an operation, in one transaction with how far it has come."""

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from taskmanager.application.bulk_model import Operation, OperationState
from taskmanager.application.changes import Changes
from taskmanager.application.ports import GIVEN_UP, NO_ROOM, Clock, RowRefused, StoreError, StoreUnavailable
from taskmanager.application.use_cases.bulk.decide import decide
from taskmanager.application.use_cases.bulk.ports import ChunkStore, ChunkTransaction, Limits, Progress
from taskmanager.domain.status import TaskStatus

log = structlog.get_logger(__name__)


class Observer(Protocol):
    """Where changes are counted."""

    def settled(self, status: TaskStatus, seconds: Sequence[float]) -> None:
        """Tasks came to their end; how long they took."""


class AdvanceOperation:
    """Takes each task of an operation once, whoever else advances operations, and whatever dies in between.

    Only tasks that were made before the operation are meant.
    """

    def __init__(
        self,
        store: ChunkStore,
        clock: Clock,
        observer: Observer,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        self._store = store
        self._clock = clock
        self._observer = observer
        self._limits = limits
        # Of operations that did not get done with so much.
        self._reduced: dict[str, Limits] = {}

    async def __call__(self) -> bool:
        """Advances the operation whose turn it is; False where nothing is to do.

        May raise a `StoreError`: whether or not the changes were made, the next call goes on where they end.
        """
        taken: list[Operation] = []
        try:
            return await self._advance(taken.append)
        except StoreError as error:
            kind = error.kind if isinstance(error, StoreUnavailable) else None
            if kind == NO_ROOM:
                await self._store.make_room()
                return True
            if kind == GIVEN_UP and taken:
                await self._postpone(taken[-1], error)
                return True
            if not (isinstance(error, RowRefused) and taken):
                raise
            failure = f"the database refuses a change: {error}"
        except Exception:
            if not taken:
                raise
            log.exception("operation_failed", operation=taken[-1].id)
            failure = "an internal error; its log line names this operation"
        # Tried again it would fail again, for ever.
        await self._store.fail(taken[-1].id, failure, self._clock.now())
        return True

    async def _postpone(self, operation: Operation, error: StoreError) -> None:
        """Lets the others have their turn; its next chunk is smaller."""
        limits = self._reduced[operation.id] = self._limits_of(operation).halved()
        log.warning("operation_postponed", operation=operation.id, error=str(error), tasks=limits.tasks)
        await self._store.postpone(operation.id, self._clock.now())

    async def _advance(self, take: Callable[[Operation], None]) -> bool:
        async with self._store.transaction() as transaction:
            operation = await transaction.take()
            if operation is None:
                return False
            take(operation)
            changes, progress = await self._decide(transaction, operation)
            await transaction.commit(self._store.serialise(changes, progress))
        self._extend(operation, progress)
        for status, seconds in changes.durations.items():
            self._observer.settled(status, seconds)
        if progress.state.is_over:
            total = operation.tally.and_(progress.tally)
            log.info("operation_completed", operation=operation.id, actor=operation.order.actor, **total._asdict())
        return True

    def _limits_of(self, operation: Operation) -> Limits:
        return self._reduced.get(operation.id, self._limits)

    def _extend(self, operation: Operation, progress: Progress) -> None:
        """What it got done with it may try twice as much of."""
        limits = self._limits_of(operation).doubled(self._limits)
        if progress.state.is_over or limits == self._limits:
            self._reduced.pop(operation.id, None)
        else:
            self._reduced[operation.id] = limits

    async def _decide(self, transaction: ChunkTransaction, operation: Operation) -> tuple[Changes, Progress]:
        found = await transaction.found(operation, self._limits_of(operation))
        tasks = (await transaction.load([], found.ids, [])).tasks if found.ids else {}
        # Read when the tasks are locked: no change of theirs may be recorded before an earlier one.
        changes = Changes(self._clock.now(), {})
        tally = decide(operation.order, tasks, changes)
        state = OperationState.COMPLETED if found.end is None else OperationState.RUNNING
        return changes, Progress(operation.id, state, found.end, tally, changes.now)
