"""The interface of the task manager as Python sees it."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from datetime import datetime
from types import NoneType
from typing import Any, Literal, Self, Unpack

import msgspec

from taskmanager.application.read_model import TaskView
from taskmanager.application.statistics import TaskStatistics
from taskmanager.application.task_lists import ListedTask
from taskmanager.client.batches import create_in_batches
from taskmanager.client.calls import Calls, given
from taskmanager.client.errors import NotFound
from taskmanager.client.letters import DeadLetters
from taskmanager.client.models import (
    Event,
    EventPage,
    Health,
    HistoryEntry,
    HistoryPage,
    NewTask,
    TaskOutcome,
    TaskPage,
)
from taskmanager.client.operations import Operations
from taskmanager.client.pages import items, pages_of_events
from taskmanager.client.queries import EventFilter, TaskFilter, UserTaskFilter, parameters
from taskmanager.client.retrying import Retrying, RetryPolicy, Told
from taskmanager.client.streaming import SILENCE_SECONDS, EventStream
from taskmanager.client.transport import Token, Transport, segment
from taskmanager.client.waiting import wait_until_settled

_ANSWER_MAX_BYTES = 64 * 1024 * 1024
_UNHEALTHY = frozenset({503})
_SIGNS_OF_LIFE = frozenset({"in_progress", "started"})
HealthPart = Literal["live", "ready", "detailed", "database", "kafka", "service"]


class TaskManagerClient:
    """A client of the server at `base_url`, to be used as `async with`; its calls raise a `TaskManagerError`.

    `token` is an API key or a JWT, or a function that gives one, asked before each request. An attempt may take
    `timeout` seconds. What fails in passing is tried again as `retries` says, changes under an idempotency key that is
    made once for each call: they take effect once. `on_retry` hears of each failure and the pause (seconds) after it.
    At most 100 connections are open at a time; a stream holds one of them.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Token = None,
        timeout: float = 30.0,
        retries: RetryPolicy = RetryPolicy(),  # noqa: B008 - a tuple
        on_retry: Told | None = None,
        answer_max_bytes: int = _ANSWER_MAX_BYTES,
    ) -> None:
        self._transport = Transport(
            base_url,
            token,
            retrying=Retrying(retries, told=on_retry),
            timeout=timeout,
            answer_max_bytes=answer_max_bytes,
        )
        self._calls = Calls(self._transport)
        self.operations = Operations(self._calls)
        self.dead_letters = DeadLetters(self._calls)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._transport.__aexit__(*exception)

    async def create(self, task: NewTask) -> TaskView:
        """The new task."""
        return await self._calls.change("POST", "/tasks", TaskView, task)

    def create_many(
        self, tasks: Iterable[NewTask] | AsyncIterable[NewTask], *, partial: bool = False
    ) -> AsyncIterator[TaskOutcome]:
        """What becomes of each task, in order, as batches of up to 1,000 are made, each in one transaction.

        One that is not sound keeps its batch from being made and raises `ValidationFailed`, `errors` counted from the
        first task of all; with `partial` it is an outcome without an id, and the others are made.
        """
        return create_in_batches(self._transport, tasks, partial=partial)

    async def get(self, task_id: str, *, as_of: int | datetime | None = None) -> TaskView:
        """The task as it is, or as it was at a version or a moment."""
        return await self._calls.read(_task(task_id), TaskView, {"as_of": as_of})

    def list_tasks(
        self, *, newest_first: bool = True, page_size: int = 100, **wanted: Unpack[TaskFilter]
    ) -> AsyncIterator[ListedTask]:
        """All tasks that are wanted, page after page; results are left out."""
        query = {**wanted, "sort": "-createdAt" if newest_first else "createdAt", "limit": page_size}
        return items(self._calls, "/tasks", TaskPage, query, "next_cursor", "cursor")

    def tasks_of(
        self, user_email: str, *, newest_first: bool = True, page_size: int = 100, **wanted: Unpack[UserTaskFilter]
    ) -> AsyncIterator[ListedTask]:
        """The same of one user's tasks."""
        query = {**wanted, "sort": "-createdAt" if newest_first else "createdAt", "limit": page_size}
        return items(self._calls, f"/users/{segment(user_email)}/tasks", TaskPage, query, "next_cursor", "cursor")

    async def update_status(
        self,
        task_id: str,
        status: str,
        *,
        result: Any = msgspec.UNSET,
        error: str | None = None,
        retryable: bool | None = None,
        worker: str | None = None,
        progress: float | None = None,
        attempt: int | None = None,
        if_match: int | None = None,
    ) -> TaskView:
        """Reports what became of a task; `result` is a text or any JSON value, `if_match` the expected version."""
        body = given(status=status, error=error, retryable=retryable, worker=worker, progress=progress, attempt=attempt)
        if result is not msgspec.UNSET:
            body["result"] = result
        # A sign of life may come often, and twice does no harm: it is not worth a key that the server has to keep.
        is_keyed = if_match is not None or status not in _SIGNS_OF_LIFE
        path = f"{_task(task_id)}/status"
        return await self._calls.change("PUT", path, TaskView, body, if_match=if_match, is_keyed=is_keyed)

    async def cancel(self, task_id: str, *, if_match: int | None = None) -> TaskView:
        """Cancels a task that is not settled; `Conflict` for one that is, unless it was cancelled."""
        return await self._calls.change("POST", f"{_task(task_id)}/cancel", TaskView, if_match=if_match)

    async def retry(self, task_id: str, *, if_match: int | None = None) -> TaskView:
        """Begins another attempt at a failed or cancelled task; `Conflict` for any other."""
        return await self._calls.change("POST", f"{_task(task_id)}/retry", TaskView, if_match=if_match)

    async def delete(self, task_id: str, *, if_match: int | None = None) -> None:
        """Deletes a settled task; `Conflict` for one that is not, `NotFound` for none."""
        try:
            await self._calls.change("DELETE", _task(task_id), NoneType, if_match=if_match, is_keyed=False)
        except NotFound as error:
            if not error.after_unknown:
                raise

    def history(self, task_id: str, *, page_size: int = 100) -> AsyncIterator[HistoryEntry]:
        """The audit trail of a task, in the order of recording."""
        return items(
            self._calls, f"{_task(task_id)}/events", HistoryPage, {"limit": page_size}, "next_cursor", "cursor"
        )

    async def statistics(self, *, hours: float = 24, user_email: str | None = None) -> TaskStatistics:
        """Figures of the tasks, or of one user's, that were created in the last `hours`."""
        path = "/tasks/statistics" if user_email is None else f"/users/{segment(user_email)}/statistics"
        return await self._calls.read(path, TaskStatistics, {"hours": hours})

    def events(self, *, after: int = 0, page_size: int = 500, **wanted: Unpack[EventFilter]) -> AsyncIterator[Event]:
        """The event log behind a sequence, up to its present end."""
        return pages_of_events(self._calls, EventPage, {**wanted, "limit": page_size}, after)

    def stream(
        self,
        *,
        after: int | None = None,
        silence: float = SILENCE_SECONDS,
        patience: float | None = None,
        on_interruption: Told | None = None,
        **wanted: Unpack[EventFilter],
    ) -> EventStream:
        """Events as they happen, each once and in order whatever happens to the connection; see `EventStream`."""
        return EventStream(
            self._transport,
            parameters(wanted),
            after,
            silence=silence,
            patience=patience,
            interrupted=on_interruption,
        )

    async def wait(self, task_id: str) -> TaskView:
        """The task once it is completed, failed or cancelled; end the wait by `asyncio.timeout`."""
        return await wait_until_settled(lambda: self.get(task_id), self.stream(task_id=task_id))

    async def health(self, part: HealthPart | None = None) -> Health:
        """How the service is as a whole, or a part of it; not being healthy is no error."""
        path = "/health" if part is None else f"/health/{part}"
        return await self._calls.read(path, Health, also=_UNHEALTHY)


def _task(task_id: str) -> str:
    return f"/tasks/{segment(task_id)}"
