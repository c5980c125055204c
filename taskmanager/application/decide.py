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
        changes = self._changes
        reports: list[tuple[dict[Outcome, int], ReportStatus]] = []
        topic, number, tally = "", -1, dict[Outcome, int]()
        for message, command in zip(messages, commands, strict=True):
            if message.partition != number or message.topic != topic:  # those of a partition mostly come together
                topic, number = message.topic, message.partition
                tally = changes.progress[Partition(topic, number)].outcomes
            if isinstance(command, CreateTask):
                outcome = self.create(command)
            elif isinstance(command, ReportStatus):
                reports.append((tally, command))
                continue
            elif isinstance(command, Skip):
                outcome = Outcome.SKIPPED
            else:
                changes.dead.append((message, command))
                outcome = Outcome.DEAD
            tally[outcome] = tally.get(outcome, 0) + 1
        if changes.created:
            changes.count_status(self._now, TaskStatus.NEW, len(changes.created))
        self.apply_parked()
        for tally, report in reports:
            outcome = self._report(report)
            tally[outcome] = tally.get(outcome, 0) + 1

    def decide_again(self, commands: Sequence[CreateTask | ReportStatus]) -> list[Outcome | None]:
        """Decides on commands whose messages were counted before, in the form of dead letters.

        A report for a task that is not there is left alone and comes to None.
        """
        outcomes = [self.create(command) if isinstance(command, CreateTask) else None for command in commands]
        if self._changes.created:
            self._changes.count_status(self._now, TaskStatus.NEW, len(self._changes.created))
        self.apply_parked()
        for index, command in enumerate(commands):
            if isinstance(command, ReportStatus) and (task := self.task(command.id)) is not None:
                outcomes[index] = self.apply(task, command)
        return outcomes

    def apply_parked(self) -> None:
        """Applies what is parked for tasks that are there."""
        for task_id, waiting in list(self._parked.items()):
            task = self.task(task_id)
            if task is None:
                continue
            del self._parked[task_id]
            for parked in waiting:
                self._changes.unparked.append(parked.id)
                outcome = self.apply(task, parked.report)
                if outcome in _WITHOUT_A_ROW and parked.report.source is not None:
                    self._changes.count_unparked(parked.report.source, outcome)

    def task(self, task_id: str) -> WebCrawlTask | None:
        """The task, if it is there by now; one of this batch is made of its event when it is first asked for."""
        task = self._tasks.get(task_id)
        if task is None and task_id in self._changes.created:
            created, _ = self._changes.created[task_id]
            task = self._tasks[task_id] = WebCrawlTask(created)
        return task

    def create(self, command: CreateTask) -> Outcome:
        """Makes the task, or compares the one that is there with the request."""
        known = self.task(command.id)
        if known is not None:
            try:
                known.repeat_request(command.user_email, command.user_query, command.original_url, command.metadata)
            except Refused as refusal:
                self._changes.refused.append((command, refusal))
                return Outcome.REFUSED
            return Outcome.DUPLICATE
        created = WebCrawlTask.request(
            id=command.id,
            user_email=command.user_email,
            user_query=command.user_query,
            original_url=command.original_url,
            metadata=command.metadata,
            correlation_id=command.correlation_id,
            at=command.at,
            now=self._now,
        )
        self._changes.created[command.id] = (created, command)
        return Outcome.CREATED

    def _report(self, report: ReportStatus) -> Outcome:
        task = self.task(report.id)
        if task is None:
            self._changes.parked.append(report)
            return Outcome.PARKED
        return self.apply(task, report)

    def apply(self, task: WebCrawlTask, report: ReportStatus) -> Outcome:
        """Applies a report to its task; a refusal is the last of `Changes.refused`."""
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
        self._changes.record(task, before, event, report)
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
