"""What headers may say, in the form of today and in that of the original."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from taskmanager.application.commands import Command, CreateTask, InboundMessage, ReportStatus
from taskmanager.domain.status import TaskStatus
from tests.builders import NOON, at, task_id
from tests.fakes.messages import REQUESTS, STATUSES, TOPIC_IDS, body, codec, message, report, request

_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def created(sent: InboundMessage) -> CreateTask:
    command: Command = codec().decode(sent)
    assert isinstance(command, CreateTask), command
    return command


def reported(sent: InboundMessage) -> ReportStatus:
    command: Command = codec().decode(sent)
    assert isinstance(command, ReportStatus), command
    return command


@pytest.mark.parametrize("name", ["id", "task_id"])
def test_the_id_stands_in_either_header(name: str) -> None:
    assert created(request(id=None, headers={name: task_id(7)})).id == task_id(7)


def test_id_goes_before_task_id_and_before_the_key() -> None:
    sent = request(id=task_id(1), headers={"task_id": task_id(2)}, key=task_id(3).encode())

    assert created(sent).id == task_id(1)


def test_an_id_in_upper_case_is_stored_lower() -> None:
    assert created(request(id=task_id(10).upper())).id == task_id(10)


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_id_counts_as_missing(empty: str | None) -> None:
    sent = message(REQUESTS, body(), headers={"id": empty, "task_id": empty}, key=task_id(3).encode())

    assert created(sent).id == task_id(3)


@pytest.mark.parametrize("make", [request, report])
def test_without_a_header_the_key_is_the_id(make: type[InboundMessage]) -> None:
    assert codec().decode(make(id=None, key=task_id(3).encode())).id == task_id(3)  # type: ignore[call-arg,union-attr]


def test_a_request_without_an_id_gets_one_from_its_position_that_a_redelivery_gets_too() -> None:
    first, again = (created(request(id=None, partition=3, offset=9)) for _ in range(2))

    assert first.id == again.id
    assert UUID(first.id).version == 5


@pytest.mark.parametrize("key", [None, b"", b"customer-7", b"\xff\xfe", b"\0"])
def test_a_key_that_is_no_uuid_is_no_id(key: bytes | None) -> None:
    assert UUID(created(request(id=None, key=key)).id).version == 5


def test_ids_from_positions_differ_by_incarnation_of_the_topic_partition_and_offset() -> None:
    anew = codec(topic_ids=TOPIC_IDS | {REQUESTS: "0ad49af2-0000-4000-8000-00000000000f"})
    sent = request(id=None, partition=1, offset=1)
    ids = {
        codec().decode(sent).id,  # type: ignore[union-attr]
        anew.decode(sent).id,  # type: ignore[union-attr]
        codec().decode(sent._replace(partition=2)).id,  # type: ignore[union-attr]
        codec().decode(sent._replace(offset=2)).id,  # type: ignore[union-attr]
        codec().decode(sent._replace(partition=11, offset=1)).id,  # type: ignore[union-attr]
    }

    assert len(ids) == 5


@pytest.mark.parametrize("headers", [{}, {"task_type": "web-crawl"}, {"task_type": ""}, {"task_type": None}])
def test_the_task_type_is_web_crawl_or_missing(headers: dict[str, str | None]) -> None:
    assert created(request(headers=headers)).id == task_id()


@pytest.mark.parametrize("version", ["1", "1.0", "1.17", "", None])
def test_every_version_1_is_read(version: str | None) -> None:
    assert created(request(headers={"version": version})).id == task_id()


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("in_progress", TaskStatus.IN_PROGRESS),
        ("started", TaskStatus.IN_PROGRESS),
        ("completed", TaskStatus.COMPLETED),
        ("error", TaskStatus.ERROR),
        ("failed", TaskStatus.ERROR),
        ("cancelled", TaskStatus.CANCELLED),
    ],
)
def test_statuses_and_their_synonyms(name: str, status: TaskStatus) -> None:
    sent = report(name, {"result": "r", "error": "e"})

    assert reported(sent).status is status
    assert reported(sent._replace(topic=REQUESTS)).status is status


@pytest.mark.parametrize("topic", [REQUESTS, STATUSES])
def test_status_new_is_a_request_on_either_topic(topic: str) -> None:
    assert created(request(headers={"status": "new"})._replace(topic=topic)).id == task_id()


@pytest.mark.parametrize("status", ["", None])
def test_a_request_needs_no_status(status: str | None) -> None:
    assert created(request(headers={"status": status})).id == task_id()


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-01T12:00:05Z", at(5)),
        ("2026-03-01T12:00:05.250+00:00", at(5.25)),
        ("2026-03-01T14:00:05+02:00", at(5)),
        ("20260301T120005Z", at(5)),
        ("2026-03-02T11:59:59+23:59", datetime(2026, 3, 1, 12, 0, 59, tzinfo=UTC)),
        ("2026-03-01T13:00:05.5+01:00:00.500000", at(5)),
    ],
)
def test_timestamps_are_iso_8601_with_a_zone_and_become_utc(text: str, time: datetime) -> None:
    command = created(request(headers={"timestamp": text}))

    assert command.at == time
    assert command.at.tzinfo is UTC


@pytest.mark.parametrize("text", ["", None])
def test_without_a_timestamp_the_time_is_kafkas(text: str | None) -> None:
    assert created(request(headers={"timestamp": text})).at == NOON


@pytest.mark.parametrize("name", ["correlation_id", "source"])
def test_texts_of_255_characters_are_kept(name: str) -> None:
    text = "ü" * 255
    command = created(request(headers={name: text}))

    assert text in {command.correlation_id, command.actor}


def test_the_attempt_is_a_number() -> None:
    assert [reported(report(headers={"attempt": text})).attempt for text in ("3", "0003", "999999999", "")] == [
        3, 3, 999_999_999, None,
    ]  # fmt: skip


def test_of_a_repeated_header_the_last_counts() -> None:
    sent = message(REQUESTS, body(), headers=[("id", task_id(1).encode()), ("id", task_id(2).encode())])

    assert created(sent).id == task_id(2)


def test_trace_context_is_kept() -> None:
    command = created(request(headers={"traceparent": _TRACE, "tracestate": "vendor=1"}))

    assert (command.traceparent, command.tracestate) == (_TRACE, "vendor=1")


@pytest.mark.parametrize(
    ("parent", "state", "kept"),
    [
        (_TRACE.upper(), "vendor=1", (None, None)),
        (_TRACE.replace("00-", "ff-", 1), None, (None, None)),
        ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", None, (None, None)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01", None, (None, None)),
        (_TRACE + "\n", None, (None, None)),
        ("", None, (None, None)),
        (b"\xff", None, (None, None)),
        (_TRACE, "x" * 513, (_TRACE, None)),
        (_TRACE, "a\tb", (_TRACE, None)),
        (_TRACE, b"\xff", (_TRACE, None)),
        (_TRACE, "a\0", (_TRACE, None)),
    ],
)
def test_bad_trace_context_is_dropped_and_counted_but_never_a_dead_letter(
    parent: str | bytes, state: str | bytes | None, kept: tuple[str | None, str | None]
) -> None:
    reader = codec()
    command = reader.decode(request(headers={"traceparent": parent, "tracestate": state}))

    assert isinstance(command, CreateTask)
    assert (command.traceparent, command.tracestate) == kept
    assert reader.bad_traces == 1
