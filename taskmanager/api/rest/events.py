"""/api/events"""

from typing import Annotated, Literal

import msgspec
from aiohttp import hdrs, web

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.bodies import invalid
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.event_streams import EventStreams
from taskmanager.api.rest.problems import FieldError
from taskmanager.api.rest.sse import wants_stream
from taskmanager.application.feed.model import EventFilter, FeedEvent
from taskmanager.application.use_cases.read_events import ReadEvents
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import EMAIL_MAX, TaskId, UserEmail

LAST_EVENT_ID = "Last-Event-ID"
LIMIT_MAX = 500
_DIGITS_MAX = 18
_SEQUENCE_MAX = 10**_DIGITS_MAX - 1
_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

Sequence = Annotated[int, msgspec.Meta(ge=0, le=_SEQUENCE_MAX)]
EventType = Literal[
    "TaskCreated", "TaskStarted", "TaskCompleted", "TaskFailed", "TaskCancelled", "TaskRetried", "TaskDeleted"
]


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where to go on, and which events are wanted."""

    # Not None: an optional number would also be read from the text `null`.
    after: Annotated[
        Sequence | msgspec.UnsetType,
        msgspec.Meta(
            description="Go on behind this sequence: the `next` of the page before. Without it pages begin with the "
            "first event, and a stream with what happens from now on.",
            examples=[0],
        ),
    ] = msgspec.UNSET
    last_event_id: Annotated[
        Sequence | msgspec.UnsetType,
        msgspec.Meta(description="The same as `Last-Event-ID`, for clients that cannot send headers; the header wins."),
    ] = msgspec.UNSET
    limit: Annotated[
        int, msgspec.Meta(ge=1, le=LIMIT_MAX, description="Events on a page at most; of no meaning for a stream.")
    ] = 100
    task_id: Annotated[
        Annotated[str, msgspec.Meta(pattern=_UUID)] | None, msgspec.Meta(description="Events of this task alone.")
    ] = None
    user_email: Annotated[
        Annotated[str, msgspec.Meta(min_length=3, max_length=EMAIL_MAX)] | None,
        msgspec.Meta(description="Events of this user's tasks alone.", examples=["ann@example.com"]),
    ] = None
    status: Annotated[
        list[TaskStatus],
        msgspec.Meta(description="Events that left their task in one of these statuses.", max_length=10),
    ] = []
    type: Annotated[list[EventType], msgspec.Meta(description="Events of these types.", max_length=10)] = []


class EventsPage(msgspec.Struct, frozen=True):
    """Events in the order of the log, and the sequence to go on from with `after`, also when there were none."""

    events: list[FeedEvent]
    next: int


class EventController:
    """Tells what happened to tasks."""

    def __init__(self, read_events: ReadEvents, streams: EventStreams) -> None:
        self._read_events = read_events
        self._streams = streams

    async def list(self, call: Call[EventsQuery, None]) -> web.StreamResponse:
        """The event log in order, by pages or live.

        Who goes on from each page's `next` sees every event once; a page may hold fewer than `limit`, or none, and
        still lead on. With `Accept: text/event-stream` it is a stream of server-sent events: `id` is the sequence,
        `event` the type, `data` the event as on a page. It goes on exactly behind the event that `Last-Event-ID` names.
        A client that reads too slowly is cut off and may come again.
        """
        query, request = call.query, call.request
        wanted = EventFilter(
            owner=call.principal.user_email,
            user_email=None if query.user_email is None else UserEmail(query.user_email),
            task_id=None if query.task_id is None else TaskId(query.task_id),
            statuses=frozenset(status.value for status in query.status),
            types=frozenset(query.type),
        )
        last = _last_event(request)
        if request.method == hdrs.METH_GET and wants_stream(request.headers.get(hdrs.ACCEPT, "")):
            positions = (last, query.last_event_id, query.after)
            after = next((position for position in positions if isinstance(position, int)), None)
            return await self._streams.serve(request, wanted, after)
        page = await self._read_events(wanted, query.after or 0, query.limit)
        return answer(EventsPage(list(page.events), page.next))


def _last_event(request: web.Request) -> int | None:
    text = request.headers.get(LAST_EVENT_ID)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        problem = f"must be the id of an event of this stream: 1 to {_DIGITS_MAX} digits"
        raise invalid(FieldError(LAST_EVENT_ID, problem), what="a header")
    return int(text)
