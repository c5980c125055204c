"""What the message about an event says."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from taskmanager.api.kafka.outbound import EventEncoder
from taskmanager.application.commands import InboundMessage, Skip
from taskmanager.application.event_log import LoggedEvent
from taskmanager.application.outbound import Outbound, message_size
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.task import WebCrawlTask
from tests.builders import NOON, at, created_task, task_id
from tests.fakes.messages import STATUSES, codec
from tests.fakes.relay import log_entries, log_entry


class Life:
    """A task, and every event that it has seen."""

    def __init__(self, **content: Any) -> None:
        self.task, created = created_task(**content)
        self.events: list[TaskEvent] = [created]

    def then(self, event: TaskEvent | None) -> "Life":
        assert event is not None
        self.events.append(event)
        return self

    @property
    def entry(self) -> LoggedEvent:
        return log_entry(len(self.events), self.events[-1])


def every_kind_of_event() -> Iterable[Life]:
    yield Life()
    started = Life()
    yield started.then(started.task.start(at=at(2), now=at(3), worker="w", progress=0.5))
    completed = Life()
    completed.then(completed.task.start(at=at(2), now=at(3)))
    yield completed.then(completed.task.complete(result="done", at=at(4), now=at(5)))
    failed = Life()
    yield failed.then(failed.task.fail(error="gone", retryable=True, at=at(4), now=at(5)))
    cancelled = Life()
    yield cancelled.then(cancelled.task.cancel(at=at(4), now=at(5)))
    retried = Life()
    retried.then(retried.task.fail(error="gone", at=at(4), now=at(5)))
    yield retried.then(retried.task.retry(at=at(6), now=at(7), not_before=at(60), reason="again"))
    deleted = Life()
    deleted.then(deleted.task.complete(result="done", at=at(4), now=at(5)))
    yield deleted.then(deleted.task.delete(at=at(6), now=at(7)))


def encoder(limit: int = 1_000_000) -> tuple[EventEncoder, list[str]]:
    reduced: list[str] = []
    return EventEncoder(topic=STATUSES, own_name="task-manager", limit=limit, reduced=reduced.append), reduced


def encode(life: Life, limit: int = 1_000_000) -> Outbound:
    return encoder(limit)[0](life.entry, life.task)


def headers_of(message: Outbound) -> dict[str, Any]:
    assert len(dict(message.headers)) == len(message.headers)
    return dict(message.headers)


def as_received(message: Outbound) -> InboundMessage:
    headers: list[tuple[str, bytes | None]] = [(name, str(value).encode()) for name, value in message.headers]
    return InboundMessage(message.topic, 0, 0, None, str(message.key).encode(), headers, message.value)


def test_a_message_carries_every_header_of_the_contract() -> None:
    life = Life(correlation_id="c-1")
    traced = life.entry._replace(traceparent="00-4bf9", tracestate="a=b", correlation_id="c-1")
    message = encoder()[0](traced, life.task)

    assert message.key == task_id()
    assert headers_of(message) == {
        "id": task_id(),
        "task_type": "web-crawl",
        "status": "new",
        "timestamp": NOON.isoformat(),
        "traceparent": "00-4bf9",
        "tracestate": "a=b",
        "correlation_id": "c-1",
        "source": "task-manager",
        "version": "1",
        "attempt": "1",
        "event_id": f"{task_id()}:1",
        "event_type": "TaskCreated",
        "sequence": "1",
    }


def test_what_an_event_lacks_is_no_header() -> None:
    assert not {"traceparent", "tracestate", "correlation_id"} & headers_of(encode(Life())).keys()


def test_the_body_is_the_whole_task() -> None:
    life = Life(metadata={"tenant": "a"}, correlation_id="c-1")
    life.then(life.task.start(at=at(2), now=at(3), worker="w", progress=0.5))
    life.then(life.task.complete(result="dönе", at=at(4), now=at(5)))

    assert orjson.loads(encode(life).value or b"") == {
        "id": task_id(),
        "status": "completed",
        "version": 3,
        "attempt": 1,
        "userEmail": "reader@example.com",
        "userQuery": "opening hours",
        "originalUrl": "https://example.com/contact",
        "metadata": {"tenant": "a"},
        "correlationId": "c-1",
        "receivedAt": "2026-03-01T12:00:00Z",
        "createdAt": "2026-03-01T12:00:01Z",
        "updatedAt": "2026-03-01T12:00:05Z",
        "notBefore": None,
        "startedAt": "2026-03-01T12:00:02Z",
        "finishedAt": "2026-03-01T12:00:04Z",
        "lastHeartbeatAt": "2026-03-01T12:00:03Z",
        "durationSeconds": 2.0,
        "worker": "w",
        "progress": 0.5,
        "result": "dönе",
        "error": None,
        "retryable": None,
    }


@pytest.mark.parametrize("life", list(every_kind_of_event()), ids=lambda life: type(life.events[-1]).__name__)
def test_the_consumers_skip_every_kind_of_event_as_their_own(life: Life) -> None:
    message = encode(life)

    assert codec().decode(as_received(message)) == Skip("own_event")
    assert headers_of(message)["status"] == life.task.status.value


def test_an_event_of_another_release_is_skipped_too() -> None:
    entry = Life().entry._replace(type="TaskPaused")
    message = encoder()[0](entry, None)

    assert "status" not in headers_of(message)
    assert codec().decode(as_received(message)) == Skip("own_event")


def test_a_status_that_a_worker_puts_on_an_unknown_event_is_not_skipped() -> None:
    message = encoder()[0](Life().entry._replace(type="TaskPaused"), None)
    altered = message._replace(headers=[*message.headers, ("status", "cancelled")])

    assert codec().decode(as_received(altered)) != Skip("own_event")


def test_shared_headers_follow_type_status_and_attempt() -> None:
    encode_all, _ = encoder()
    seen = []
    for life in every_kind_of_event():
        replayed: WebCrawlTask | None = None
        for entry, event in zip(log_entries(life.events), life.events, strict=True):
            replayed = WebCrawlTask.replay(life.events[: event.version])
            headers = headers_of(encode_all(entry, replayed))
            assert headers["status"] == replayed.status.value
            seen.append((headers["event_type"], headers["attempt"], headers["event_id"]))
    assert ("TaskRetried", "2", f"{task_id()}:3") in seen
    assert len({kind for kind, _, _ in seen}) == 7


def test_an_event_of_an_unreadable_history_says_what_it_knows() -> None:
    encode_all, reduced = encoder()
    life = Life()
    life.then(life.task.cancel(at=at(4), now=at(5)))
    message = encode_all(life.entry, None)

    assert orjson.loads(message.value or b"") == {"id": task_id(), "status": "cancelled", "version": 2, "attempt": 1}
    assert headers_of(message)["status"] == "cancelled"
    assert reduced == ["unreadable"]


class TestTooLarge:
    """What is left out of a message that its topic would refuse."""

    def completed(self, size: int, **content: Any) -> Life:
        life = Life(**content)
        return life.then(life.task.complete(result="r" * size, at=at(4), now=at(5)))

    def test_the_largest_that_fits_goes_out_whole(self) -> None:
        life = self.completed(10_000)
        whole = encode(life)

        assert encode(life, message_size(whole)) == whole
        assert "resultOmitted" in orjson.loads(encode(life, message_size(whole) - 1).value or b"")

    def test_it_goes_without_its_result(self) -> None:
        encode_all, reduced = encoder(limit=5000)
        life = self.completed(10_000)
        message = encode_all(life.entry, life.task)
        body = orjson.loads(message.value or b"")

        assert (body["result"], body["resultOmitted"], body["status"]) == (None, True, "completed")
        assert headers_of(message)["result_omitted"] == "true"
        assert body["userQuery"] == "opening hours"
        assert reduced == ["too_large"]
        assert codec().decode(as_received(message)) == Skip("own_event")

    def test_or_without_its_error(self) -> None:
        life = Life()
        life.then(life.task.fail(error="e" * 10_000, at=at(4), now=at(5)))
        message = encode(life, 5000)
        body = orjson.loads(message.value or b"")

        assert (body["error"], body["errorOmitted"]) == (None, True)
        assert "result_omitted" not in headers_of(message)
        assert headers_of(message)["error_omitted"] == "true"

    def test_then_without_its_metadata(self) -> None:
        message = encode(self.completed(10_000, metadata={"notes": "n" * 4000}), 3000)
        body = orjson.loads(message.value or b"")

        assert (body["metadata"], body["metadataOmitted"], body["resultOmitted"]) == ({}, True, True)
        assert headers_of(message)["metadata_omitted"] == "true"

    def test_and_in_the_end_with_its_identity_alone(self) -> None:
        life = self.completed(10_000, user_query="q" * 4000)
        message = encode(life, 2000)

        assert orjson.loads(message.value or b"") == {
            "id": task_id(),
            "status": "completed",
            "version": 2,
            "attempt": 1,
            "resultOmitted": True,
            "detailsOmitted": True,
        }
        assert headers_of(message).keys() >= {"result_omitted", "details_omitted"}
        assert message_size(message) <= 2000

    def test_text_that_grows_in_json_counts_as_it_is_written(self) -> None:
        life = Life()
        life.then(life.task.complete(result='"' * 6000, at=at(4), now=at(5)))

        assert message_size(encode(life, 10_000)) <= 10_000
