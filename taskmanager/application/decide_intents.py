"""What the intents of one transaction come to, one after another: pure, no I/O."""

from collections.abc import Mapping

import msgspec

from taskmanager.application.changes import Changes, Outcome
from taskmanager.application.commands import CreateTask, DeleteTask, ReportStatus, RetryTask
from taskmanager.application.decide import Decision
from taskmanager.application.intents import Decided, Declined, Done, Intent, Missing, Outdated
from taskmanager.application.ports import Snapshot
from taskmanager.application.read_model import TaskView, task_view
from taskmanager.domain.errors import Refused
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask

_MISSING = Missing()


class IntentDecision:
    """Applies intents to tasks and collects the changes; each sees what those before it have done."""

    def __init__(self, tasks: Mapping[str, WebCrawlTask], changes: Changes) -> None:
        self._decision = Decision(Snapshot(tasks, {}), changes)
        self._changes = changes

    def decide(self, intent: Intent) -> Decided:
        """What comes of it, shown as the task is now and not as a later intent leaves it."""
        command = intent.command
        if isinstance(command, CreateTask):
            return self._create(command)
        task = self._decision.task(command.id)
        if task is None or task.deleted_at is not None or intent.owner not in (None, task.user_email):
            return _MISSING
        if intent.versions is not None and task.version not in intent.versions:
            return Outdated(task.version)
        if isinstance(command, ReportStatus):
            return self._report(task, command)
        try:
            return self._retry(task, command) if isinstance(command, RetryTask) else self._delete(task, command)
        except Refused as refusal:
            return Declined(refusal.reason, refusal.detail)

    def _create(self, command: CreateTask) -> Decided:
        outcome = self._decision.create(command)
        if outcome is Outcome.CREATED:
            created, _ = self._changes.created[command.id]
            self._changes.count_status(self._changes.now, TaskStatus.NEW, 1)
            return Done(task_view(WebCrawlTask(created)))
        if outcome is Outcome.REFUSED:
            return self._last_refusal()
        known = self._decision.task(command.id)
        return _MISSING if known is None or known.deleted_at is not None else Done(task_view(known))

    def _report(self, task: WebCrawlTask, report: ReportStatus) -> Decided:
        if report.status is TaskStatus.CANCELLED and report.attempt is None:
            # Whoever cancels means the task as it stands: no clock that is behind makes it an attempt that is over.
            report = msgspec.structs.replace(report, attempt=task.attempt)
        outcome = self._decision.apply(task, report)
        if outcome is Outcome.REFUSED:
            return self._last_refusal()
        return Done(_with_outcome(task_view(task), report))

    def _retry(self, task: WebCrawlTask, command: RetryTask) -> Decided:
        before = task.status
        self._changes.record(task, before, task.retry(at=command.at, now=self._changes.now), command)
        return Done(task_view(task))

    def _delete(self, task: WebCrawlTask, command: DeleteTask) -> Decided:
        event = task.delete(at=command.at, now=self._changes.now)
        if event is not None:
            self._changes.record_deletion(task, event, command)
        return Done(task_view(task))

    def _last_refusal(self) -> Declined:
        _, refusal = self._changes.refused[-1]
        return Declined(refusal.reason, refusal.detail)


def _with_outcome(view: TaskView, report: ReportStatus) -> TaskView:
    """A final report that repeats the one before is told so by its digest; the text itself was not loaded."""
    if report.status is TaskStatus.COMPLETED and view.result is None:
        return msgspec.structs.replace(view, result=report.result or "")
    if report.status is TaskStatus.ERROR and view.error is None:
        return msgspec.structs.replace(view, error=report.error or "")
    return view
