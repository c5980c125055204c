"""/api/tasks and /api/users/{email}/tasks, read"""

from typing import Any

from aiohttp import web

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.task_queries import TaskPageAnswer, TasksQuery, UserTasksQuery, task_filter
from taskmanager.application.principal import Principal
from taskmanager.application.use_cases.reading.list_tasks import ListTasks
from taskmanager.domain.values import UserEmail


class TaskListController:
    """Lists tasks."""

    def __init__(self, list_tasks: ListTasks) -> None:
        self._list_tasks = list_tasks

    async def list(self, call: Call[TasksQuery, None]) -> web.StreamResponse:
        """Tasks by the time of their creation, page by page.

        Go on with `nextCursor` until it is null: every task is listed once. What a page costs is bounded: one that
        finds little may hold fewer than `limit` tasks, or none, and still lead on; filters by `userEmail`, `host`,
        `status` or time of creation make it find more. The result of a task is left out (`resultOmitted`); ask for the
        task itself.
        """
        email = call.query.user_email
        return await self._page(call.query, call.principal, None if email is None else UserEmail(email))

    async def of_user(self, call: Call[UserTasksQuery, None]) -> web.StreamResponse:
        """The tasks of a user, as GET /api/tasks lists them; 404 for a caller who is bound to another user."""
        return await self._page(call.query, call.principal, visible_user(call))

    async def _page(
        self, query: UserTasksQuery, principal: Principal, user_email: UserEmail | None
    ) -> web.StreamResponse:
        page = await self._list_tasks(task_filter(query, principal, user_email), query.limit, query.cursor)
        return answer(TaskPageAnswer(items=[*page.items], next_cursor=page.next_cursor))


def visible_user(call: Call[Any, None]) -> UserEmail:
    """The user whom the path names; raises a `Problem` (404) if the caller may not see anything of that one."""
    email, bound_to = UserEmail(call.path("email")), call.principal.user_email
    if bound_to not in (None, email):
        raise Problem(404, "there is no such user")
    return email
