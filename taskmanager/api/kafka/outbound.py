"""Events as messages: headers, and the whole task as it was right after the event."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from taskmanager.application.event_log import LoggedEvent
from taskmanager.application.outbound import Header, Outbound, message_size
from taskmanager.application.read_model import task_view
from taskmanager.domain.events import EVENT_STATUS, EVENT_TYPES
from taskmanager.domain.task import WebCrawlTask

_TASK_TYPE = ("task_type", "web-crawl")
_VERSION = ("version", "1")
_HEADS_MAX = 1000
# More than the headers of a message can come to: every text in them is bounded.
_HEADERS_BYTES = 4096

# What is left out of a body that is too large, largest first: the member, and what stands in its place.
_OMISSIBLE: tuple[tuple[str, Any], ...] = (("result", None), ("error", None), ("metadata", {}))
_IDENTITY = ("id", "status", "version", "attempt")

# Values from the log are plain texts; those of entities made elsewhere are subclasses.
_encode = msgspec.json.Encoder(enc_hook=str).encode
_EVENT_NAME_STATUS = {name: EVENT_STATUS[kind].value for name, kind in EVENT_TYPES.items() if kind in EVENT_STATUS}


class EventEncoder:
    """Makes the message that tells of an event; `limit` is how many bytes a message may have.

    `reduced` hears of each message that does not hold the whole task: `too_large`, or of an `unreadable` history.
    """

    def __init__(self, *, topic: str, own_name: str, limit: int, reduced: Callable[[str], None]) -> None:
        self._topic = topic
        self._source = ("source", own_name)
        self._limit = limit
        self._tell_reduced = reduced
        self._heads: dict[tuple[str, str | None, int], Sequence[Header]] = {}

    def __call__(self, event: LoggedEvent, task: WebCrawlTask | None) -> Outbound:
        """The message; `task` is the task as the event left it, None where that is not known."""
        headers = self._headers(event, task)
        if task is None:
            self._tell_reduced("unreadable")
            return Outbound(self._topic, event.task_id, _encode(_what_the_event_says(event)), headers)
        message = Outbound(self._topic, event.task_id, _encode(task_view(task)), headers)
        if len(message.value or b"") + _HEADERS_BYTES > self._limit and message_size(message) > self._limit:
            return self._reduced(message, task)
        return message

    def _headers(self, event: LoggedEvent, task: WebCrawlTask | None) -> list[Header]:
        status = task.status if task is not None else _EVENT_NAME_STATUS.get(event.type)
        headers = [
            ("id", event.task_id),
            *(self._heads.get((event.type, status, event.attempt)) or self._head(event.type, status, event.attempt)),
            ("timestamp", event.occurred_at.isoformat()),
            ("event_id", f"{event.task_id}:{event.version}"),
            ("sequence", str(event.seq)),
        ]
        if event.correlation_id is not None:
            headers.append(("correlation_id", event.correlation_id))
        if event.traceparent is not None:
            headers.append(("traceparent", event.traceparent))
            if event.tracestate is not None:
                headers.append(("tracestate", event.tracestate))
        return headers

    def _head(self, event_type: str, status: str | None, attempt: int) -> Sequence[Header]:
        """The headers that many messages share; made once, because every message has them."""
        head: list[Header] = [_TASK_TYPE, ("event_type", event_type), ("attempt", str(attempt)), self._source, _VERSION]
        if status is not None:
            head.insert(1, ("status", str(status)))
        if len(self._heads) < _HEADS_MAX:
            self._heads[event_type, status, attempt] = head
        return head

    def _reduced(self, message: Outbound, task: WebCrawlTask) -> Outbound:
        """The first of ever smaller forms that fits; the last one does in any topic worth its name."""
        self._tell_reduced("too_large")
        whole = message.headers
        for document, marks in _reductions(task):
            headers = [*whole, *((mark, "true") for mark in marks)]
            message = message._replace(value=_encode(document), headers=headers)
            if message_size(message) <= self._limit:
                break
        return message


def _reductions(task: WebCrawlTask) -> Iterator[tuple[dict[str, Any], list[str]]]:
    document: dict[str, Any] = msgspec.to_builtins(task_view(task), enc_hook=str)
    marks: list[str] = []
    for member, placeholder in _OMISSIBLE:
        if document[member]:
            document |= {member: placeholder, f"{member}Omitted": True}
            marks.append(f"{member}_omitted")
            yield document, marks
    flags = {name: True for name in document if name.endswith("Omitted")}
    identity = {name: document[name] for name in _IDENTITY}
    yield identity | flags | {"detailsOmitted": True}, [*marks, "details_omitted"]


def _what_the_event_says(event: LoggedEvent) -> dict[str, Any]:
    return {
        "id": event.task_id,
        "status": _EVENT_NAME_STATUS.get(event.type),
        "version": event.version,
        "attempt": event.attempt,
    }
