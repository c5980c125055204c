"""What a batch of commands comes to, given what is in the store: pure, no I/O."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from taskmanager.application.changes import Changes, Outcome
from taskmanager.application.commands import (
    Command,
    CreateTask,
    InboundMessage,
    Partition,
    ReportStatus,
    Skip,
)
from taskmanager.application.ports import Snapshot
from taskmanager.domain.errors import Refused
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask


class Decision:
    """Applies commands to tasks and collects the changes.

    Creates go before reports, so that a report finds a task that is made in the same batch; what was parked for a task
    goes before what is reported now.
    """

    def __init__(self, snapshot: Snapshot, changes: Changes) -> None:
        self._tasks = dict(snapshot.tasks)
        self._parked = dict(snapshot.parked)
        self._changes = changes
        self._now = changes.now

    def decide(self, messages: Sequence[InboundMessage], commands: Sequence[Command]) -> None:
        """Decides on a batch and counts what each message came to."""
        reports: list[tuple[InboundMessage, ReportStatus]] = []
        progress = self._changes.progress
        tallies: Mapping[Partition, dict[Outcome, int]] = {p: moved.outcomes for p, moved in progress.items()}
        for message, command in zip(messages, commands, strict=True):
            kind = type(command)
            if kind is CreateTask:
                outcome = self._create(command)  # type: ignore[arg-type]
            elif kind is ReportStatus:
                reports.append((message, command))  # type: ignore[arg-type]
                continue
            elif kind is Skip:
                outcome = Outcome.SKIPPED
            else:
                self._changes.dead.append((message, command))  # type: ignore[arg-type]
                outcome = Outcome.DEAD
            tally = tallies[message[:2]]  # type: ignore[index]
            tally[outcome] = tally.get(outcome, 0) + 1
        if self._changes.created:
            self._changes.count_status(self._now, TaskStatus.NEW, len(self._changes.created))
        self.apply_parked()
        for message, report in reports:
            outcome = self._report(report)
            tally = tallies[message[:2]]  # type: ignore[index]
            tally[outcome] = tally.get(outcome, 0) + 1

    def apply_parked(self) -> None:
        """Applies what is parked for tasks that are there."""
        for task_id in [task_id for task_id in self._parked if task_id in self._tasks]:
            task = self._tasks[task_id]
            for parked in self._parked.pop(task_id):
                self._changes.unparked.append(parked.id)
                outcome = self._apply(task, parked.report)
                if outcome in _WITHOUT_A_ROW and parked.report.source is not None:
                    self._changes.count_unparked(parked.report.source, outcome)

    def _create(self, command: CreateTask) -> Outcome:
        known = self._tasks.get(command.id)
        if known is not None:
            try:
                known.repeat_request(command.user_email, command.user_query, command.original_url, command.metadata)
            except Refused as refusal:
                self._changes.refused.append((command, refusal))
                return Outcome.REFUSED
            return Outcome.DUPLICATE
        task, created = WebCrawlTask.create(
            id=command.id,
            user_email=command.user_email,
            user_query=command.user_query,
            original_url=command.original_url,
            metadata=command.metadata,
            correlation_id=command.correlation_id,
            at=command.at,
            now=self._now,
        )
        self._tasks[command.id] = task
        self._changes.created[command.id] = (created, command)
        return Outcome.CREATED

    def _report(self, report: ReportStatus) -> Outcome:
        task = self._tasks.get(report.id)
        if task is None:
            self._changes.parked.append(report)
            return Outcome.PARKED
        return self._apply(task, report)

    def _apply(self, task: WebCrawlTask, report: ReportStatus) -> Outcome:
        before = task.status
        try:
            event = _APPLY[report.status](task, report, self._now)
        except Refused as refusal:
            self._changes.refused.append((report, refusal))
            return Outcome.REFUSED
        if event is None:
            if report.status is TaskStatus.IN_PROGRESS:
                self._changes.changed[task.id] = task
                return Outcome.HEARTBEAT
            return Outcome.DUPLICATE
        self._changes.changed[task.id] = task
        self._changes.recorded.append((event, report))
        self._changes.count_transition(task.created_at, before, task.status)
        duration = task.duration
        if duration is not None:
            self._changes.durations.setdefault(task.status, []).append(duration.total_seconds())
        return Outcome.APPLIED


_WITHOUT_A_ROW = frozenset({Outcome.DUPLICATE, Outcome.HEARTBEAT})


def _start(task: WebCrawlTask, report: ReportStatus, now: datetime) -> TaskEvent | None:
    return task.start(at=report.at, now=now, attempt=report.attempt, worker=report.worker, progress=report.progress)


def _complete(task: WebCrawlTask, report: ReportStatus, now: datetime) -> TaskEvent | None:
    return task.complete(result=report.result or "", at=report.at, now=now, attempt=report.attempt)


def _fail(task: WebCrawlTask, report: ReportStatus, now: datetime) -> TaskEvent | None:
    return task.fail(
        error=report.error or "", retryable=report.retryable, at=report.at, now=now, attempt=report.attempt
    )


def _cancel(task: WebCrawlTask, report: ReportStatus, now: datetime) -> TaskEvent | None:
    return task.cancel(at=report.at, now=now, attempt=report.attempt)


_APPLY: Mapping[TaskStatus, Callable[[WebCrawlTask, ReportStatus, datetime], TaskEvent | None]] = {
    TaskStatus.IN_PROGRESS: _start,
    TaskStatus.COMPLETED: _complete,
    TaskStatus.ERROR: _fail,
    TaskStatus.CANCELLED: _cancel,
}
