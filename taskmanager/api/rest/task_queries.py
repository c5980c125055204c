"""The queries of lists of tasks, and what they ask for."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from taskmanager.api.rest.hosts import normal_host
from taskmanager.api.rest.moments import Moment, moment
from taskmanager.application.principal import Principal
from taskmanager.application.task_lists import ListedTask, TaskFilter
from taskmanager.application.use_cases.reading.cursors import CURSOR_MAX
from taskmanager.application.use_cases.reading.list_tasks import LIMIT_MAX
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import EMAIL_MAX, METADATA_MAX_KEYS, UserEmail, task_metadata

_TEXT_MAX = 200
_HOST_MAX = 260

Cursor = Annotated[
    Annotated[str, Meta(min_length=1, max_length=CURSOR_MAX)] | None,
    Meta(description="The `nextCursor` of the page before, with the same filters and order."),
]


class UserTasksQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which of a user's tasks are wanted, and in which order."""

    status: Annotated[
        list[TaskStatus], Meta(max_length=10, description="Tasks in one of these statuses.", examples=[["error"]])
    ] = []
    host: Annotated[
        Annotated[str, Meta(min_length=1, max_length=_HOST_MAX)] | None,
        Meta(
            description="Tasks whose address is on this host, with its port unless that is the default one.",
            examples=["example.com"],
        ),
    ] = None
    q: Annotated[
        Annotated[str, Meta(min_length=1, max_length=_TEXT_MAX)] | None,
        Meta(
            description="Tasks with this text in `userQuery` or `originalUrl`, in upper or lower case.",
            examples=["hours"],
        ),
    ] = None
    created_after: Annotated[Moment | None, Meta(description="Tasks created then or later.")] = None
    created_before: Annotated[Moment | None, Meta(description="Tasks created earlier.")] = None
    metadata: Annotated[
        dict[str, str],
        Meta(max_length=METADATA_MAX_KEYS, description="Tasks with this label; of several, with all of them."),
    ] = {}
    sort: Annotated[
        Literal["-createdAt", "createdAt"], Meta(description="`-createdAt`: the newest first; `createdAt`: the oldest.")
    ] = "-createdAt"
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="Tasks on a page at most.")] = 50
    cursor: Cursor = None


class TasksQuery(UserTasksQuery, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which tasks are wanted, and in which order."""

    user_email: Annotated[
        Annotated[str, Meta(min_length=3, max_length=EMAIL_MAX)] | None,
        Meta(description="Tasks of this user.", examples=["ann@example.com"]),
    ] = None


class TaskPageAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of tasks; `nextCursor` leads on, also where the page is empty, and is null after the last."""

    items: list[ListedTask]
    next_cursor: str | None


def task_filter(query: UserTasksQuery, principal: Principal, user_email: UserEmail | None) -> TaskFilter:
    """What a query asks for; raises `InvalidValue`, or a `Problem` (400)."""
    return TaskFilter(
        owner=principal.user_email,
        user_email=user_email,
        host=None if query.host is None else normal_host(query.host),
        statuses=frozenset(status.value for status in query.status),
        text=_text(query.q),
        metadata=task_metadata(query.metadata),
        created_after=moment("createdAfter", query.created_after),
        created_before=moment("createdBefore", query.created_before),
        newest_first=query.sort == "-createdAt",
    )


def _text(text: str | None) -> str | None:
    if text is not None and "\0" in text:
        raise InvalidValue("q", "must not hold NUL characters")
    return text
