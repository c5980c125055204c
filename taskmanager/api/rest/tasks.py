"""/api/tasks"""

from aiohttp import hdrs, web

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.problems import Problem
from taskmanager.application.use_cases.get_task import GetTask


class TaskController:
    """Shows tasks."""

    def __init__(self, get_task: GetTask) -> None:
        self._get_task = get_task

    async def get(self, call: Call[None, None]) -> web.Response:
        """The task, its version as ETag for a later If-Match; 404 where there is none."""
        task = await self._get_task(call.path("id"))
        if task is None:
            raise Problem(404, "there is no task with this id")
        # A heartbeat changes the task but not its version: a cache may keep neither the body nor a 304.
        return answer(task, headers={hdrs.ETAG: f'"{task.version}"'})
