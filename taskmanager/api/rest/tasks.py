"""/api/tasks"""

import msgspec
from aiohttp import hdrs, web

from taskmanager.api.rest.problems import problem
from taskmanager.application.use_cases.get_task import GetTask


class TaskController:
    """Shows tasks."""

    def __init__(self, get_task: GetTask) -> None:
        self._get_task = get_task

    async def get(self, request: web.Request) -> web.Response:
        """The task, its version as ETag for a later If-Match; 404 where there is none."""
        task = await self._get_task(request.match_info["id"])
        if task is None:
            return problem(request, 404, "there is no task with this id")
        return web.Response(
            body=msgspec.json.encode(task),
            content_type="application/json",
            # A heartbeat changes the task but not its version: a cache may keep neither the body nor a 304.
            headers={hdrs.ETAG: f'"{task.version}"', hdrs.CACHE_CONTROL: "no-store"},
        )
