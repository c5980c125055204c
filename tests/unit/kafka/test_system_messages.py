"""System events as operators read them from their topic."""

from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest

from taskmanager.api.kafka.system_messages import DETAIL_MAX, MEMBERS_MAX, TEXT_MAX, SystemMessage, encode
from taskmanager.domain.events import ErrorOccurred, HealthCheck, MetricsUpdate, SystemEvent

EVENT_ID = UUID("0190f1c2-7a3b-7cde-8f01-23456789abcd")
TIME = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LONGEST = 100 * 1024


def encoded(event: SystemEvent) -> SystemMessage:
    return encode(event, event_id=EVENT_ID, source="task-manager", host="pod-1")


def health(checks: dict[str, str]) -> HealthCheck:
    return HealthCheck(process="consumer-00", occurred_at=TIME, healthy=False, checks=checks)


def failure(error: str, detail: str) -> ErrorOccurred:
    return ErrorOccurred(process="consumer-00", occurred_at=TIME, error=error, detail=detail)


def test_headers_and_key_tell_what_it_is_without_the_body() -> None:
    message = encoded(health({}))

    assert message.key == "consumer-00"
    assert message.headers == [
        ("source", b"task-manager"),
        ("event_type", b"HealthCheck"),
        ("event_id", b"0190f1c2-7a3b-7cde-8f01-23456789abcd"),
        ("timestamp", b"2026-03-01T09:30:00Z"),
        ("version", b"1"),
        ("process", b"consumer-00"),
        ("host", b"pod-1"),
    ]


@pytest.mark.parametrize(
    ("event", "event_type", "members"),
    [
        (
            health({"database": "ok", "kafka": "away"}),
            "HealthCheck",
            {"healthy": False, "checks": {"database": "ok", "kafka": "away"}},
        ),
        (
            MetricsUpdate(process="consumer-00", occurred_at=TIME, figures={"cpuSeconds": 1.5, "a_total": 3.0}),
            "MetricsUpdate",
            {"figures": {"cpuSeconds": 1.5, "a_total": 3.0}},
        ),
        (failure("work_failed", '{"a": 1}'), "ErrorOccurred", {"error": "work_failed", "detail": '{"a": 1}'}),
    ],
)
def test_the_body_is_camel_case_json(event: SystemEvent, event_type: str, members: dict[str, object]) -> None:
    assert orjson.loads(encoded(event).body) == {
        "eventId": str(EVENT_ID),
        "eventType": event_type,
        "process": "consumer-00",
        "host": "pod-1",
        "occurredAt": "2026-03-01T09:30:00Z",
        **members,
    }


def test_a_message_is_never_large() -> None:
    flood = {f"{number}{'k' * 10_000}": "f" * 10_000 for number in range(1000)}
    checks = encoded(health(flood))
    error = encoded(failure("e" * 10_000, "d" * 100_000))

    assert len(orjson.loads(checks.body)["checks"]) == MEMBERS_MAX
    assert len(orjson.loads(error.body)["error"]) == TEXT_MAX
    assert orjson.loads(error.body)["detail"] == "d" * (DETAIL_MAX - 1) + "…"
    assert max(len(checks.body), len(error.body)) < LONGEST


def test_text_that_has_no_form_in_utf8_still_goes_out() -> None:
    assert orjson.loads(encoded(failure("file \udcff", "\ud800")).body)["error"] == "file ?"


def test_an_event_without_a_form_is_a_mistake_that_shows() -> None:
    with pytest.raises(TypeError, match="SystemEvent has no form"):
        encoded(SystemEvent(process="x", occurred_at=TIME))
