"""What an order comes to for some tasks: pure, no I/O."""

from collections.abc import Mapping
from typing import Any

from taskmanager.application.bulk_model import BulkAction, Order, Tally
from taskmanager.application.changes import Changes
from taskmanager.application.commands import DeleteTask, ReportStatus, RetryTask
from taskmanager.application.decide_intents import IntentDecision
from taskmanager.application.intents import Declined, Intent
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask
from taskmanager.domain.values import TaskId, UserEmail


def decide(order: Order, tasks: Mapping[str, WebCrawlTask], changes: Changes) -> Tally:
    """Applies the order to each task and collects the changes.

    A task that does not match any more, because somebody was first, counts for nothing.
    """
    decision = IntentDecision(tasks, changes)
    owner = None if order.owner is None else UserEmail(order.owner)
    changed = unchanged = refused = 0
    for task in tasks.values():
        if not _matches(order, task):
            continue
        recorded = len(changes.recorded)
        decided = decision.decide(Intent(_command(order, task.id, changes), owner))
        if isinstance(decided, Declined):
            refused += 1
        elif len(changes.recorded) > recorded:
            changed += 1
        else:
            unchanged += 1
    return Tally(changed, unchanged, refused)


def _matches(order: Order, task: WebCrawlTask) -> bool:
    """By what may have changed since the task was found."""
    statuses = order.selection.status
    return task.deleted_at is None and (not statuses or task.status.value in statuses)


def _command(order: Order, task_id: TaskId, changes: Changes) -> ReportStatus | RetryTask | DeleteTask:
    cause: dict[str, Any] = {
        "actor": order.actor,
        "correlation_id": order.correlation_id,
        "traceparent": order.traceparent,
        "tracestate": order.tracestate,
    }
    if order.action is BulkAction.CANCEL:
        return ReportStatus(task_id, TaskStatus.CANCELLED, changes.now, None, **cause)
    command = RetryTask if order.action is BulkAction.RETRY else DeleteTask
    return command(task_id, changes.now, **cause)
