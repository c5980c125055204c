"""Server-sent events as they go over the wire."""

import pytest

from taskmanager.api.rest.sse import frame, opening, silence, wants_stream
from taskmanager.application.feed.model import feed_event
from tests.builders import NOON, task_id
from tests.fakes.event_log import logged


def test_an_event_has_its_number_its_type_and_all_that_is_known() -> None:
    event = logged(
        7,
        task_id=str(task_id()),
        version=3,
        type="TaskCompleted",
        attempt=2,
        occurred_at=NOON,
        data='{"result":"a\\nb"}',
        correlation_id="c-1",
        actor="worker",
        source_topic="task-status",
        source_partition=4,
        source_offset=99,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )

    assert frame(feed_event(event, "completed")) == (
        b"id: 7\nevent: TaskCompleted\n"
        b'data: {"sequence":7,"eventId":"0190f1c2-7a3b-7cde-8f01-000000000001:3",'
        b'"taskId":"0190f1c2-7a3b-7cde-8f01-000000000001","type":"TaskCompleted","status":"completed","version":3,'
        b'"attempt":2,"occurredAt":"2026-03-01T12:00:00Z","recordedAt":"2026-03-01T12:00:00Z",'
        b'"data":{"result":"a\\nb"},"actor":"worker","correlationId":"c-1",'
        b'"source":{"topic":"task-status","partition":4,"offset":99},'
        b'"traceId":"0af7651916cd43dd8448eb211c80319c"}\n\n'
    )


def test_what_is_not_known_is_null_and_data_are_an_object() -> None:
    told = frame(feed_event(logged(1), "in_progress"))

    assert b'"data":{},"actor":null,"correlationId":null,"source":null,"traceId":null}' in told


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_line_ends_between_the_values_of_data_do_not_end_the_event(end: str) -> None:
    told = frame(feed_event(logged(1, data=f'{{{end}"worker":{end}"w"}}'), None))

    assert b'"data":{\ndata: "worker":\ndata: "w"}' in told
    assert b"\r" not in told


def test_words_without_an_event_tell_where_to_resume() -> None:
    assert opening(12, 2.5) == b": listening\nretry: 2500\nid: 12\n\n"
    assert silence(15) == b": nothing yet\nid: 15\n\n"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/event-stream", True),
        ("application/json;q=0.5, Text/Event-Stream;q=0.9", True),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_a_stream_is_for_those_who_name_it(accept: str, wanted: bool) -> None:
    assert wants_stream(accept) is wanted
