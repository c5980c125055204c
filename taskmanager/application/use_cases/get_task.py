"""Looks a task up."""

from taskmanager.application.read_model import TaskReader, TaskView
from taskmanager.domain.values import TaskId, UserEmail


class GetTask:
    """Answers one task as it stands."""

    def __init__(self, tasks: TaskReader) -> None:
        self._tasks = tasks

    async def __call__(self, task_id: TaskId, owner: UserEmail | None = None) -> TaskView | None:
        """The task of this id, None if there is none or it is not the `owner`'s; may raise a `StoreError`."""
        return await self._tasks.find(task_id, owner)
