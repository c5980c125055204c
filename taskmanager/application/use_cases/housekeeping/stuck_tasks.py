"""Tasks whose worker is not heard of any more start again, or fail when they have been tried often enough."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog

from taskmanager.application.changes import Changes
from taskmanager.application.commands import TimeOut
from taskmanager.application.ports import Clock, RowRefused, TaskStore
from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.rule import Done
from taskmanager.domain.events import TaskFailed
from taskmanager.domain.lease import Lease, RetryPolicy
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask

log = structlog.get_logger(__name__)

ACTOR = "housekeeper"
_TRANSACTION = 500
_STRETCH = 5000
_STRETCHES_PER_CALL = 4

Position = tuple[datetime, str]


class ExpiredTask(NamedTuple):
    """A task in progress whose lease seems to be over, and the attempt that it is in."""

    id: str
    attempt: int


class Stretch(NamedTuple):
    """Some tasks in progress by creation: the place of the last one (None at the end), and the expired among them."""

    position: Position | None
    expired: Sequence[ExpiredTask]


class TasksInProgress(Protocol):
    """Looks for expired leases without locking anything; every method may raise a `StoreError`."""

    async def expired(self, lease: Lease, time: datetime, after: Position | None, limit: int) -> Stretch:
        """Looks at the next `limit` tasks in progress behind `after`."""

    async def next_expiry(self, lease: Lease) -> datetime | None:
        """When the first lease ends; None if no task is in progress."""


class StuckTasks:
    """Ends attempts whose lease was over at the ingested time.

    Which tasks those are is decided again by what their locked rows say: a heartbeat or an end may have come meanwhile.
    `jitter` draws from 0.5 to 1.5; `settled` hears of how long failed tasks took, in seconds by status.
    """

    name = "stuck-tasks"

    def __init__(
        self,
        tasks: TasksInProgress,
        store: TaskStore,
        clock: Clock,
        lease: Lease,
        policy: RetryPolicy,
        *,
        jitter: Callable[[], float],
        settled: Callable[[TaskStatus, Sequence[float]], None] = lambda _status, _seconds: None,
    ) -> None:
        self._tasks = tasks
        self._store = store
        self._clock = clock
        self._lease = lease
        self._policy = policy
        self._jitter = jitter
        self._settled = settled
        self._position: Position | None = None

    async def apply(self, reading: Reading) -> Done:
        """See `Rule.apply`; walks on through the tasks in progress where the last call ended."""
        time = reading.grants(self._lease.heartbeat_timeout)
        if time is None:
            return Done()
        retried = failed = 0
        for _ in range(_STRETCHES_PER_CALL):
            stretch = await self._tasks.expired(self._lease, time, self._position, _STRETCH)
            ids = sorted(task.id for task in stretch.expired)
            for low in range(0, len(ids), _TRANSACTION):
                again, ended = await self._end_attempts(ids[low : low + _TRANSACTION], time)
                retried += again
                failed += ended
            self._position = stretch.position
            if self._position is None:
                break
        return _done(retried, failed, more=self._position is not None)

    async def preview(self, reading: Reading) -> Done:
        """See `Rule.preview`."""
        time = reading.grants(self._lease.heartbeat_timeout)
        if time is None:
            return Done()
        retried = failed = 0
        position: Position | None = None
        while True:
            stretch = await self._tasks.expired(self._lease, time, position, _STRETCH)
            last = sum(task.attempt >= self._policy.max_attempts for task in stretch.expired)
            failed += last
            retried += len(stretch.expired) - last
            position = stretch.position
            if position is None:
                return _done(retried, failed)

    async def outlook(self, reading: Reading) -> str:
        """See `Rule.outlook`."""
        if obstacle := reading.obstacle(self._lease.heartbeat_timeout):
            return f"nobody is given up: {obstacle}"
        expiry = await self._tasks.next_expiry(self._lease)
        return "no task is in progress" if expiry is None else f"the first lease ends at {expiry:%Y-%m-%d %H:%M:%S} UTC"

    async def _end_attempts(self, task_ids: Sequence[str], time: datetime) -> tuple[int, int]:
        changes = Changes(self._clock.now(), {})
        try:
            async with self._store.transaction() as transaction:
                snapshot = await transaction.load([], task_ids, [])
                for task_id in task_ids:
                    task = snapshot.tasks.get(task_id)
                    if task is not None and task.is_in_progress and self._lease.ends_at(task) <= time:
                        self._end_attempt(task, time, changes)
                await transaction.commit(self._store.serialise(changes))
        except RowRefused as refusal:
            if len(task_ids) > 1:
                middle = len(task_ids) // 2
                first, second = task_ids[:middle], task_ids[middle:]
                one, other = await self._end_attempts(first, time), await self._end_attempts(second, time)
                return one[0] + other[0], one[1] + other[1]
            log.error("time_out_refused_by_database", task_id=task_ids[0], error=str(refusal))
            return 0, 0
        for status, seconds in changes.durations.items():
            self._settled(status, seconds)
        failed = sum(isinstance(event, TaskFailed) for event, _ in changes.recorded)
        return len(changes.recorded) - failed, failed

    def _end_attempt(self, task: WebCrawlTask, time: datetime, changes: Changes) -> None:
        event = self._policy.settle(task, self._lease.exceeded(task, time), now=changes.now, jitter=self._jitter())
        changes.record(task, TaskStatus.IN_PROGRESS, event, TimeOut(task.id, event.occurred_at, ACTOR))


def _done(retried: int, failed: int, *, more: bool = False) -> Done:
    return Done({"retried": retried, "failed": failed}, more)
