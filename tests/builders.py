"""Tasks, events and commands with everything filled in; a test names only what it is about."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from taskmanager.application.commands import CreateTask, ReportStatus, Source
from taskmanager.domain.events import TaskCreated, TaskEvent
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask
from taskmanager.domain.values import TaskId, TaskQuery, TaskUrl, UserEmail

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def task_id(number: int = 1) -> TaskId:
    """A UUIDv7, another one for each number."""
    return TaskId(str(UUID(int=0x0190F1C2_7A3B_7CDE_8F01_000000000000 + number)))


def request_content(**changes: Any) -> dict[str, Any]:
    """What a request asks for."""
    content: dict[str, Any] = {
        "user_email": UserEmail("reader@example.com"),
        "user_query": TaskQuery("opening hours"),
        "original_url": TaskUrl("https://example.com/contact"),
        "metadata": {},
    }
    return content | changes


def created_task(**changes: Any) -> tuple[WebCrawlTask, TaskCreated]:
    """A task that was just created, and its first event; received at noon, recorded a second later."""
    arguments: dict[str, Any] = {"id": task_id(), "correlation_id": None, "at": at(0), "now": at(1)}
    created = WebCrawlTask.request(**request_content() | arguments | changes)
    return WebCrawlTask(created), created


def task_in(status: TaskStatus) -> WebCrawlTask:
    """A task in this status, got there between noon and a few seconds later; results and errors read "done"."""
    task, _ = created_task()
    if status in {TaskStatus.IN_PROGRESS, TaskStatus.COMPLETED, TaskStatus.ERROR}:
        task.start(at=at(2), now=at(3), worker="worker-1")
    if status is TaskStatus.COMPLETED:
        task.complete(result="done", at=at(4), now=at(5))
    elif status is TaskStatus.ERROR:
        task.fail(error="done", at=at(4), now=at(5))
    elif status is TaskStatus.CANCELLED:
        task.cancel(at=at(4), now=at(5))
    return task


def state_of(task: WebCrawlTask) -> Mapping[str, Any]:
    """Every attribute of a task."""
    return {name: getattr(task, name) for kind in type(task).__mro__ for name in getattr(kind, "__slots__", ())}


def create_command(**changes: Any) -> CreateTask:
    """A request from the first offset of the first partition."""
    arguments: dict[str, Any] = {"id": task_id(), "at": at(0), "source": Source("requests-web-crawl", 0, 0)}
    return CreateTask(**request_content() | arguments | changes)


def report_command(status: TaskStatus = TaskStatus.IN_PROGRESS, **changes: Any) -> ReportStatus:
    """A worker's report from the first offset of the first partition."""
    arguments: dict[str, Any] = {"id": task_id(), "status": status, "at": at(2), "source": Source("task-status", 0, 0)}
    if status is TaskStatus.COMPLETED:
        arguments["result"] = "done"
    elif status is TaskStatus.ERROR:
        arguments["error"] = "done"
    return ReportStatus(**arguments | changes)


def versions(events: list[TaskEvent]) -> list[int]:
    """The versions of some events, in their order."""
    return [event.version for event in events]
