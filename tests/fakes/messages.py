"""Messages as gateways and workers send them; a test names only what it is about."""

from collections.abc import Mapping
from typing import Any

import orjson

from taskmanager.api.kafka.codec import Codec
from taskmanager.application.commands import InboundMessage
from tests.builders import NOON, task_id

REQUESTS = "requests-web-crawl"
STATUSES = "task-status"
TOPIC_IDS = {REQUESTS: "0ad49af2-0000-4000-8000-000000000001", STATUSES: "0ad49af2-0000-4000-8000-000000000002"}
NOON_MS = int(NOON.timestamp() * 1000)

Headers = Mapping[str, str | bytes | None]


def body(**changes: Any) -> dict[str, Any]:
    """A sound request's body; a member that is changed to `...` is left out."""
    members = {"userEmail": "reader@example.com", "userQuery": "opening hours", "originalUrl": "https://example.com/"}
    return {name: value for name, value in (members | changes).items() if value is not ...}


def message(
    topic: str,
    value: object = None,
    *,
    headers: Headers | list[tuple[str, bytes | None]] | None = None,
    key: bytes | None = None,
    partition: int = 0,
    offset: int = 0,
    timestamp_ms: int | None = NOON_MS,
) -> InboundMessage:
    """A message; a value that is neither bytes nor None is sent as JSON."""
    raw = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
    pairs = _pairs(headers) if isinstance(headers, Mapping) else headers
    return InboundMessage(topic, partition, offset, timestamp_ms, key, pairs, raw)


_BODY = body()
_TASK_1 = task_id()


def request(
    value: object = _BODY,
    *,
    id: str | None = _TASK_1,  # noqa: A002 - the header's name
    headers: Headers | None = None,
    **place: Any,
) -> InboundMessage:
    """A sound request for task 1, unless it is told otherwise; `id=None` leaves the header out."""
    return message(REQUESTS, value, headers=_present({"id": id}) | dict(headers or {}), **place)


def report(
    status: str | None = "started",
    value: object = ...,
    *,
    id: str | None = _TASK_1,  # noqa: A002 - the header's name
    headers: Headers | None = None,
    **place: Any,
) -> InboundMessage:
    """A sound report on task 1, unless it is told otherwise; None leaves the header out."""
    content = _REPORTS.get(status or "", {}) if value is ... else value
    return message(STATUSES, content, headers=_present({"id": id, "status": status}) | dict(headers or {}), **place)


def codec(**settings: Any) -> Codec:
    """The codec of a manager called task-manager."""
    return Codec(**{"request_topic": REQUESTS, "topic_ids": TOPIC_IDS, "own_name": "task-manager"} | settings)


_REPORTS: Mapping[str, Mapping[str, Any]] = {"completed": {"result": "done"}, "error": {"error": "done"}}


def _pairs(headers: Headers) -> list[tuple[str, bytes | None]]:
    return [(name, text.encode() if isinstance(text, str) else text) for name, text in headers.items()]


def _present(headers: Headers) -> dict[str, str | bytes | None]:
    return {name: text for name, text in headers.items() if text is not None}
