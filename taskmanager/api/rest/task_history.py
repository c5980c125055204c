"""/api/tasks/{id}/events"""

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.task_queries import Cursor
from taskmanager.application.task_history import TrailEntry
from taskmanager.application.use_cases.reading.list_tasks import LIMIT_MAX
from taskmanager.application.use_cases.reading.read_trail import ReadTrail


class TrailQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which part of a trail is wanted."""

    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="Entries on a page at most.")] = 100
    cursor: Cursor = None


class TrailAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of a task's history; `nextCursor` leads on and is null after the last entry."""

    items: list[TrailEntry]
    next_cursor: str | None


class TaskHistoryController:
    """Tells what happened to a task."""

    def __init__(self, read_trail: ReadTrail) -> None:
        self._read_trail = read_trail

    async def trail(self, call: Call[TrailQuery, None]) -> web.StreamResponse:
        """The audit trail of a task, in the order of recording.

        Every event, every report or request that was refused, and every report that still waits to be looked at, with
        who caused it. That of a deleted task is for administrators alone. Dead letters are listed at /api/dead-letters.
        """
        query = call.query
        page = await self._read_trail(call.path("id"), call.principal, query.limit, query.cursor)
        if page is None:
            raise Problem(404, "there is no task with this id")
        return answer(TrailAnswer(items=[*page.entries], next_cursor=page.next_cursor))
