"""Tells what an operation would come to."""

from taskmanager.application.bulk_model import Order, Preview, Tally
from taskmanager.application.changes import Changes
from taskmanager.application.ports import Clock
from taskmanager.application.task_lists import Position
from taskmanager.application.use_cases.bulk.decide import decide
from taskmanager.application.use_cases.bulk.ports import Limits, SelectedTasks

_STRETCHES_MAX = 20


class PreviewOperation:
    """Decides as the operation would, and writes nothing."""

    def __init__(
        self,
        tasks: SelectedTasks,
        clock: Clock,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        *,
        stretches_max: int = _STRETCHES_MAX,
    ) -> None:
        self._tasks = tasks
        self._clock = clock
        self._limits = limits
        self._stretches_max = stretches_max

    async def __call__(self, order: Order) -> Preview:
        """The exact numbers as long as they do not take too much looking; may raise a `StoreError`."""
        now = self._clock.now()
        position: Position | None = None
        tally = Tally()
        for _ in range(self._stretches_max):
            found = await self._tasks.found(order, now, position, self._limits)
            tally = tally.and_(decide(order, {task.id: task for task in found.tasks}, Changes(now, {})))
            position = found.end
            if position is None:
                return Preview(tally, is_complete=True)
        return Preview(tally, is_complete=False)
