"""A client of the REST interface for asyncio.

    async with TaskManagerClient("http://127.0.0.1:3000", token=token) as client:
        task = await client.create(NewTask(user_query="opening hours", original_url="https://example.com/"))
        task = await client.wait(task.id)

It needs nothing of the service but the forms of a task, and no driver of a database or broker.
"""

from taskmanager.application.feed.model import EventSource
from taskmanager.application.read_model import TaskView
from taskmanager.application.statistics import TaskStatistics
from taskmanager.application.task_lists import ListedTask
from taskmanager.client.client import TaskManagerClient
from taskmanager.client.errors import (
    Conflict,
    FieldProblem,
    Forbidden,
    NotFound,
    Outdated,
    RateLimited,
    RequestFailed,
    ServerFailed,
    TaskManagerError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
    ValidationFailed,
)
from taskmanager.client.letters import DeadLetter
from taskmanager.client.models import Event, Health, HistoryEntry, NewTask, TaskOutcome
from taskmanager.client.operations import Operation, Preview
from taskmanager.client.retrying import RetryPolicy
from taskmanager.client.streaming import EventStream

__all__ = [
    "Conflict",
    "DeadLetter",
    "Event",
    "EventSource",
    "EventStream",
    "FieldProblem",
    "Forbidden",
    "Health",
    "HistoryEntry",
    "ListedTask",
    "NewTask",
    "NotFound",
    "Operation",
    "Outdated",
    "Preview",
    "RateLimited",
    "RequestFailed",
    "RetryPolicy",
    "ServerFailed",
    "TaskManagerClient",
    "TaskManagerError",
    "TaskOutcome",
    "TaskStatistics",
    "TaskView",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "Unreachable",
    "ValidationFailed",
]
