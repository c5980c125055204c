"""Looks a task up."""

from taskmanager.application.read_model import TaskReader, TaskView
from taskmanager.domain.values import TaskId


class GetTask:
    """Answers one task as it stands."""

    def __init__(self, tasks: TaskReader) -> None:
        self._tasks = tasks

    async def __call__(self, task_id: str) -> TaskView | None:
        """The task of this id, None if there is none; raises `InvalidValue` where it is no id, or a `StoreError`."""
        return await self._tasks.find(TaskId(task_id))
