"""Shows a task as it was."""

from collections.abc import Sequence
from datetime import datetime

from taskmanager.application.read_model import TaskView, task_view
from taskmanager.application.task_history import TaskHistories
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.task import WebCrawlTask
from taskmanager.domain.values import TaskId, UserEmail

# Replaying more would keep others waiting.
_EVENTS_MAX = 5000


class RecallTask:
    """Rebuilds a task from its events up to a version or a moment."""

    def __init__(self, histories: TaskHistories, *, events_max: int = _EVENTS_MAX) -> None:
        self._histories = histories
        self._events_max = events_max

    async def __call__(self, task_id: TaskId, owner: UserEmail | None, as_of: int | datetime) -> TaskView | None:
        """The task as its events up to a version, or recorded up to a moment, have made it.

        None where it did not exist yet, was deleted since, is not the `owner`'s, or has not come to that version.
        Heartbeats leave no event: what they told is not shown. Raises `InvalidValue` where too many events lead there,
        `UnreadableEvent`, or a `StoreError`.
        """
        version = as_of if isinstance(as_of, int) else None
        moment = None if isinstance(as_of, int) else as_of
        events = await self._histories.events(
            task_id, owner, version=version, moment=moment, limit=self._events_max + 1
        )
        self._check(events)
        if not events or version not in (None, events[-1].version):
            return None
        return task_view(WebCrawlTask.replay(events))

    def _check(self, events: Sequence[TaskEvent]) -> None:
        if len(events) > self._events_max:
            raise InvalidValue("asOf", f"lies behind more than {self._events_max} events; read them instead")
