"""How long a worker may be at a task, and what becomes of one whose worker is not heard of any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from taskmanager.domain.events import TaskFailed, TaskRetried
from taskmanager.domain.state import TaskState
from taskmanager.domain.task import WebCrawlTask


@dataclass(frozen=True, slots=True)
class Lease:
    """An attempt ends by itself after `timeout`, or after `heartbeat_timeout` without a sign of life.

    The start of the attempt is the first sign of life.
    """

    timeout: timedelta
    heartbeat_timeout: timedelta

    def ends_at(self, task: TaskState) -> datetime:
        """When the present attempt of a task in progress is over, unless a heartbeat comes."""
        # While a task is in progress nothing but its start is an event.
        return min(task.updated_at + self.timeout, (task.last_heartbeat_at or task.updated_at) + self.heartbeat_timeout)

    def exceeded(self, task: TaskState, now: datetime) -> str:
        """Says which limit a task has reached at `now`."""
        if task.updated_at + self.timeout <= now:
            return f"timed out: in progress for {self.timeout.total_seconds():g} s"
        return f"timed out: no sign of life for {self.heartbeat_timeout.total_seconds():g} s"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a task is tried, and how long the next attempt has to wait."""

    max_attempts: int
    backoff: timedelta
    backoff_max: timedelta

    def pause_after(self, attempt: int, jitter: float) -> timedelta:
        """The pause after an attempt: doubled for each one before, times `jitter` (0.5 to 1.5), up to the longest."""
        seconds = self.backoff.total_seconds() * 2.0 ** min(attempt - 1, 64)
        return timedelta(seconds=min(seconds * jitter, self.backoff_max.total_seconds()))

    def settle(self, task: WebCrawlTask, reason: str, *, now: datetime, jitter: float) -> TaskRetried | TaskFailed:
        """Ends the attempt of a task in progress: another one begins, or the task fails if that was the last.

        Raises `Refused` if the task is not in progress.
        """
        if task.attempt < self.max_attempts:
            return task.time_out(
                at=now, now=now, not_before=now + self.pause_after(task.attempt, jitter), reason=reason
            )
        failed = task.fail(
            error=f"{reason}, in attempt {task.attempt}", retryable=False, at=now, now=now, attempt=task.attempt
        )
        assert failed is not None  # noqa: S101 - None is the answer for a task that has failed before
        return failed
