"""Tasks as of the events that pass by, without asking the store for most of them."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Protocol

import structlog

from taskmanager.application.event_log import EventDecoder, LoggedEvent, UnreadableEvent
from taskmanager.domain.events import TaskCreated
from taskmanager.domain.task import WebCrawlTask

log = structlog.get_logger(__name__)

_TASKS_MAX = 10_000
_BYTES_MAX = 16 << 20
# What a task weighs beside its texts: the entity, its times, its place here.
_TASK_BYTES = 1000


class TaskHistories(Protocol):
    """Where the past of tasks can be read."""

    async def before(self, versions: Mapping[str, int]) -> Sequence[LoggedEvent]:
        """The events of each task below its version, in order, the tasks one after another.

        All events of at least the first task, and of as many more as suit the store. May raise a `StoreError`.
        """


class TaskStates:
    """Remembers the unsettled tasks that were seen last, bounded in number and bytes; recalls others from history.

    Settled tasks seldom see another event, and hold the large texts: they are forgotten at once.
    """

    def __init__(
        self,
        histories: TaskHistories,
        decode: EventDecoder,
        *,
        tasks_max: int = _TASKS_MAX,
        bytes_max: int = _BYTES_MAX,
    ) -> None:
        self._histories = histories
        self._decode = decode
        self._tasks_max = tasks_max
        self._bytes_max = bytes_max
        self._tasks: OrderedDict[str, tuple[WebCrawlTask, int]] = OrderedDict()
        self._bytes = 0
        self._unknown: set[str] = set()

    def knows(self, event: LoggedEvent) -> bool:
        """Whether `after` can tell the task as of this event, or nobody can."""
        if event.version == 1 or event.task_id in self._unknown:
            return True
        held = self._tasks.get(event.task_id)
        return held is not None and held[0].version == event.version - 1

    async def recall(self, events: Iterable[LoggedEvent]) -> None:
        """Loads the pasts that these events need, at least that of the first; may raise a `StoreError`."""
        versions: dict[str, int] = {}
        seen: set[str] = set()
        for event in events:
            if event.task_id not in seen:
                seen.add(event.task_id)
                if not self.knows(event):
                    versions[event.task_id] = event.version
        if not versions:
            return
        pasts = await self._histories.before(versions)
        for task_id, past in groupby(pasts, attrgetter("task_id")):
            self._rebuild(task_id, list(past), versions[task_id] - 1)
        first = next(iter(versions))
        if first not in self._tasks and first not in self._unknown:
            self._give_up(first, "there is none")

    def after(self, event: LoggedEvent) -> WebCrawlTask | None:
        """The task as this event leaves it, good until the next call; None if its history cannot be understood.

        Events come in the order of the log, each once, and only those that are known.
        """
        task, size = self._forget(event.task_id)
        self._unknown.discard(event.task_id)
        try:
            happened = self._decode(event)
            if task is not None:
                task.advance(happened)
            elif isinstance(happened, TaskCreated):
                task, size = WebCrawlTask.replay((happened,)), _weight(event)
        except (UnreadableEvent, ValueError) as error:
            log.error("event_unreadable: it is told without its task", sequence=event.seq, problem=str(error))
            return None
        if task is not None and not task.status.is_settled:
            self._remember(task, size)
            self._make_room()
        return task

    def _rebuild(self, task_id: str, past: Sequence[LoggedEvent], version: int) -> None:
        self._forget(task_id)
        try:
            task = WebCrawlTask.replay(map(self._decode, past))
        except (UnreadableEvent, ValueError) as error:
            self._give_up(task_id, str(error))
            return
        if task.version == version:
            self._remember(task, sum(map(_weight, past)))
        else:
            self._give_up(task_id, f"it ends with version {task.version}")

    def _give_up(self, task_id: str, problem: str) -> None:
        self._unknown.add(task_id)
        log.error("history_unreadable: an event is told without its task", task_id=task_id, problem=problem)

    def _remember(self, task: WebCrawlTask, size: int) -> None:
        self._tasks[task.id] = task, size
        self._bytes += size

    def _make_room(self) -> None:
        while len(self._tasks) > self._tasks_max or (self._bytes > self._bytes_max and len(self._tasks) > 1):
            _, (_, freed) = self._tasks.popitem(last=False)
            self._bytes -= freed

    def _forget(self, task_id: str) -> tuple[WebCrawlTask | None, int]:
        held = self._tasks.pop(task_id, None)
        if held is None:
            return None, 0
        self._bytes -= held[1]
        return held


def _weight(event: LoggedEvent) -> int:
    return _TASK_BYTES + len(event.data or "")
