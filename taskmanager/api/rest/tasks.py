"""/api/tasks/{id}"""

import re
from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.moments import moment
from taskmanager.api.rest.problems import Problem
from taskmanager.application.use_cases.get_task import GetTask
from taskmanager.application.use_cases.reading.recall_task import RecallTask

_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII).fullmatch


class TaskQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which state of a task is wanted."""

    as_of: Annotated[
        str | None,
        Meta(
            description="The task as it was at a version or a moment, rebuilt from its events; without it, as it is.",
            examples=["2", "2026-05-04T12:00:00Z"],
            extra_json_schema={"anyOf": [{"pattern": "^[1-9][0-9]{0,8}$"}, {"format": "date-time"}]},
        ),
    ] = None


class TaskController:
    """Shows tasks."""

    def __init__(self, get_task: GetTask, recall_task: RecallTask) -> None:
        self._get_task = get_task
        self._recall_task = recall_task

    async def get(self, call: Call[TaskQuery, None]) -> web.Response:
        """The task, its version as ETag for a later If-Match.

        With `asOf` it is rebuilt from its events up to a version or a moment; there is none from before its creation,
        and what heartbeats told is not part of it.
        """
        task_id, owner = call.path("id"), call.principal.user_email
        if call.query.as_of is None:
            task = await self._get_task(task_id, owner)
        else:
            task = await self._recall_task(task_id, owner, _as_of(call.query.as_of))
        if task is None:
            raise Problem(404, "there is no task with this id" + (" as of then" if call.query.as_of else ""))
        # A heartbeat changes the task but not its version: a cache may keep neither the body nor a 304.
        return answer(task, headers={hdrs.ETAG: f'"{task.version}"'})


def _as_of(text: str) -> int | datetime:
    if _VERSION(text):
        return int(text)
    found = moment("asOf", text)
    assert found is not None  # noqa: S101 - there is a text
    return found
