"""What bodies ask for, and what is none of our business."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskmanager.application.commands import Command, CreateTask, InboundMessage, Reject, ReportStatus, Skip
from taskmanager.domain.events import EVENT_STATUS, EVENT_TYPES
from tests.builders import NOON, task_id
from tests.fakes.messages import REQUESTS, STATUSES, body, codec, message, report, request
from tests.fakes.poison import POISON

_OWN: dict[str, str | None] = {"source": "task-manager", "event_id": f"{task_id()}:1", "event_type": "TaskCompleted"}


def test_a_request_in_full() -> None:
    sent = request(
        body(metadata={"tenant": "a"}),
        headers={"source": "gateway", "correlation_id": "c-1", "task_type": "web-crawl", "version": "1.2"},
    )

    assert codec().decode(sent) == CreateTask(
        id=task_id(),
        user_email="reader@example.com",  # type: ignore[arg-type]
        user_query="opening hours",  # type: ignore[arg-type]
        original_url="https://example.com/",  # type: ignore[arg-type]
        metadata={"tenant": "a"},
        at=NOON,
        source=sent,
        actor="gateway",
        correlation_id="c-1",
    )


@pytest.mark.parametrize(
    "content",
    [
        {"user_email": "reader@example.com", "user_query": "opening hours", "base_url": "https://example.com/"},
        {"user_email": "reader@example.com", "user_query": "opening hours", "original_url": "https://example.com/"},
        {"userEmail": "reader@example.com", "userQuery": "opening hours", "baseUrl": "https://example.com/"},
        body(metadata={}),
        body(metadata=None),
        body(somethingElse=1),
        body(userEmail="reader@EXAMPLE.com", userQuery=" opening hours\n", originalUrl="HTTPS://EXAMPLE.com:443/"),
    ],
    ids=["original", "snake case", "baseUrl", "no metadata", "null metadata", "unknown key", "not in normal form"],
)
def test_every_form_of_a_request_asks_for_the_same(content: dict[str, Any]) -> None:
    assert _asked(codec().decode(request(content))) == _asked(codec().decode(request()))


def _asked(command: Command) -> tuple[Any, ...]:
    assert isinstance(command, CreateTask), command
    return command.id, command.user_email, command.user_query, command.original_url, command.metadata


def test_escaped_keys_are_read_as_what_they_spell() -> None:
    escaped = orjson.dumps(body()).replace(b"userEmail", b"\\u0075serEmail")

    assert _asked(codec().decode(request(escaped))) == _asked(codec().decode(request()))


def test_unknown_keys_are_ignored_and_counted() -> None:
    reader = codec()
    reader.decode(request(body(colour="red", size=1)))
    reader.decode(report("started", {"mood": "good"}))

    assert reader.unknown_keys == 3


def test_private_addresses_are_a_matter_of_settings() -> None:
    sent = request(body(originalUrl="http://10.0.0.1/"))

    assert isinstance(codec(allow_private_urls=True).decode(sent), CreateTask)


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        ("started", {"worker": "w-1", "progress": 0}, {"worker": "w-1", "progress": 0.0}),
        ("in_progress", {"progress": 1}, {"worker": None, "progress": 1.0}),
        ("started", {"worker": None, "progress": None}, {"worker": None, "progress": None}),
        ("completed", {"result": ""}, {"result": ""}),
        ("completed", {"result": "tab\there"}, {"result": "tab\there"}),
        ("completed", b'{"result": {"pages":  [1.10, 2]}}', {"result": '{"pages":  [1.10, 2]}'}),
        ("completed", b'{"result": null}', {"result": "null"}),
        ("completed", b'{"result": 1e400}', {"result": "1e400"}),
        ("completed", b'{"result": ' + b"9" * 5000 + b"}", {"result": "9" * 5000}),
        ("error", {"error": ""}, {"error": "", "retryable": None}),
        ("failed", {"error": "404", "retryable": False}, {"error": "404", "retryable": False}),
        ("cancelled", {"reason": "no longer wanted"}, {"result": None, "error": None}),
    ],
)
def test_what_reports_say(status: str, content: object, said: dict[str, Any]) -> None:
    command = codec().decode(report(status, content))

    assert isinstance(command, ReportStatus), command
    assert {name: getattr(command, name) for name in said} == said


def test_a_result_of_exactly_the_limit_is_kept() -> None:
    command = codec(result_max_bytes=8).decode(report("completed", {"result": "üüüü"}))

    assert isinstance(command, ReportStatus)
    assert command.result == "üüüü"


@pytest.mark.parametrize("topic", [REQUESTS, STATUSES])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_own_events_are_skipped(event_type: str, topic: str) -> None:
    # A deletion leaves the status as it was, so that any may stand there.
    status = EVENT_STATUS.get(EVENT_TYPES[event_type])
    own = message(topic, None, headers=_OWN | {"event_type": event_type, "status": status or "cancelled"})

    assert codec().decode(own) == Skip("own_event")


@pytest.mark.parametrize(
    "changed",
    [
        {"source": "worker-1"},
        {"source": None},
        {"event_id": None},
        {"event_type": None},
        {"event_type": "TaskStarted"},
        {"event_type": "Other"},
        {"event_id": ""},
    ],
)
def test_what_only_resembles_an_own_event_is_heard(changed: dict[str, str | None]) -> None:
    assert isinstance(codec().decode(report("completed", headers=_OWN | changed)), ReportStatus)


def test_a_worker_that_copies_the_headers_of_an_event_and_changes_the_status_is_heard() -> None:
    assert isinstance(codec().decode(report("completed", headers=_OWN | {"event_type": "TaskCreated"})), ReportStatus)


_NAMES = st.sampled_from(
    ["id", "task_id", "status", "timestamp", "attempt", "version", "task_type", "source", "event_id", "event_type",
     "traceparent", "tracestate", "correlation_id", "x"]
)  # fmt: skip
_HEADER_VALUES = (
    st.none()
    | st.binary(max_size=20)
    | st.text(max_size=20).map(str.encode)
    | st.sampled_from(
        [
            b"new",
            b"started",
            b"completed",
            b"error",
            b"cancelled",
            task_id().encode(),
            b"task-manager",
            b"1",
            b"2026-03-01T12:00:00Z",
            b"9998-12-31T23:59:59-23:59",
            b"0002-01-01T00:00:00+23:59",
            b"TaskCreated",
        ]
    )
)
_MEMBERS = st.sampled_from(
    ["userEmail", "user_email", "userQuery", "originalUrl", "base_url", "metadata", "result", "error", "retryable",
     "worker", "progress", "a\0"]
)  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["a@example.com", "https://example.com/", "http://[::1", "http://xn--\udc80.example/", "a@b@c"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def _json_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


_VALUES = st.none() | st.binary(max_size=60) | st.dictionaries(_MEMBERS, _JSON, max_size=5).map(_json_bytes)
_MESSAGES = st.builds(
    InboundMessage,
    st.sampled_from([REQUESTS, STATUSES]),
    st.integers(0, 11),
    st.integers(0, 2**63 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.binary(max_size=40) | st.just(task_id().encode()),
    st.none() | st.lists(st.tuples(_NAMES, _HEADER_VALUES), max_size=8),
    _VALUES,
)


@given(_MESSAGES)
@example(POISON["Kafka's timestamp out of range"][1])
def test_decoding_never_raises(sent: InboundMessage) -> None:
    assert isinstance(codec().decode(sent), CreateTask | ReportStatus | Reject | Skip)
