"""How system events look on their topic (docs/kafka.md, System events)."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import orjson

from taskmanager.domain.events import ErrorOccurred, HealthCheck, MetricsUpdate, SystemEvent

VERSION = "1"
# Together they keep a message below 60 KiB, whatever went wrong.
MEMBERS_MAX = 100
TEXT_MAX = 500
DETAIL_MAX = 4_000

_Value = TypeVar("_Value")


class SystemMessage(NamedTuple):
    """What Kafka gets."""

    key: str
    headers: list[tuple[str, bytes]]
    body: bytes


def encode(event: SystemEvent, *, event_id: UUID, source: str, host: str) -> SystemMessage:
    """The message of a system event, keyed by its process; texts and lists that are too long are cut.

    `source` is the service's name; `host` tells processes of the same name in several containers apart.
    """
    event_type = type(event).__name__
    occurred_at = event.occurred_at.isoformat().replace("+00:00", "Z")
    body = {
        "eventId": str(event_id),
        "eventType": event_type,
        "process": event.process,
        "host": host,
        "occurredAt": occurred_at,
        **_members(event),
    }
    headers = {
        "source": source,
        "event_type": event_type,
        "event_id": str(event_id),
        "timestamp": occurred_at,
        "version": VERSION,
        "process": event.process,
        "host": host,
    }
    return SystemMessage(
        event.process, [(name, _text(value, TEXT_MAX).encode()) for name, value in headers.items()], orjson.dumps(body)
    )


def _members(event: SystemEvent) -> dict[str, Any]:
    match event:
        case HealthCheck(healthy=healthy, checks=checks):
            return {
                "healthy": healthy,
                "checks": {_text(name, TEXT_MAX): _text(finding, TEXT_MAX) for name, finding in _first(checks)},
            }
        case MetricsUpdate(figures=figures):
            return {"figures": {_text(name, TEXT_MAX): value for name, value in _first(figures)}}
        case ErrorOccurred(error=error, detail=detail):
            return {"error": _text(error, TEXT_MAX), "detail": _text(detail, DETAIL_MAX)}
    raise TypeError(f"{type(event).__name__} has no form on the topic; give it one in {__name__}")


def _first(members: Mapping[str, _Value]) -> list[tuple[str, _Value]]:
    return list(islice(members.items(), MEMBERS_MAX))


def _text(text: str, longest: int) -> str:
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    # A lone surrogate, as in the name of an odd file, has no form in UTF-8.
    return cut.encode("utf-8", "replace").decode()
