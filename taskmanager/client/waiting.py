"""Waits for the end of a task."""

from collections.abc import Awaitable, Callable

from taskmanager.application.read_model import TaskView
from taskmanager.application.statistics import SETTLED_STATUSES
from taskmanager.client.streaming import EventStream


async def wait_until_settled(look: Callable[[], Awaitable[TaskView]], stream: EventStream) -> TaskView:
    """The task once it is settled; `stream` is of this task's events."""
    async with stream as events:
        # Looked at only now: what happens from here on is told.
        task = await look()
        while task.status not in SETTLED_STATUSES:
            await anext(events)
            task = await look()
        return task
