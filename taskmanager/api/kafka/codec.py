"""From a Kafka message to the command that it asks for."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from taskmanager.api.kafka.bodies import Json, Malformed, parse_body, raw_member
from taskmanager.api.kafka.headers import TEXT_MAX, Headers
from taskmanager.application.commands import (
    UNREADABLE_HEADERS,
    Command,
    CreateTask,
    InboundMessage,
    Reject,
    ReportStatus,
    Skip,
)
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.events import EVENT_STATUS, EVENT_TYPES
from taskmanager.domain.status import STATUS_NAMES, TaskStatus
from taskmanager.domain.values import TaskId, TaskQuery, TaskUrl, UserEmail, task_metadata

# The namespace of ids made from a message's position.
_POSITION_IDS = UUID("6f1f0d3e-7a0c-5d0e-9d0b-0f8f6f3b2a11")
_SNAKE = re.compile(r"(?<!^)(?=[A-Z])")


def _spellings(*names: str) -> dict[str, str]:
    return {spelling: name for name in names for spelling in (name, _SNAKE.sub("_", name).lower())}


_REQUEST_KEYS = _spellings("userEmail", "userQuery", "originalUrl", "metadata") | {
    "baseUrl": "originalUrl",
    "base_url": "originalUrl",
}
_PLAIN_REQUEST = {"userEmail", "userQuery", "originalUrl"}
_REPORT_KEYS = {
    TaskStatus.IN_PROGRESS: _spellings("worker", "progress"),
    TaskStatus.COMPLETED: _spellings("result", "worker"),
    TaskStatus.ERROR: _spellings("error", "retryable", "worker"),
    TaskStatus.CANCELLED: _spellings("reason"),
}
_STATUS_BYTES = {name.encode(): status for name, status in STATUS_NAMES.items()}
_EVENT_NAME_STATUS = {
    name: EVENT_STATUS[kind].value if kind in EVENT_STATUS else None for name, kind in EVENT_TYPES.items()
}


class Codec:
    """Decodes messages; what fails becomes a `Reject` that names the mistake without quoting the message.

    `topic_ids` tells the incarnation of each topic (for ids made from positions). Counts what it ignores:
    `unknown_keys` in bodies and `bad_traces` in headers.
    """

    def __init__(
        self,
        *,
        request_topic: str,
        topic_ids: Mapping[str, str],
        own_name: str,
        allow_private_urls: bool = False,
        result_max_bytes: int = 768 * 1024,
    ) -> None:
        self._request_topic = request_topic
        self._topic_ids = topic_ids
        self._own_name = own_name.encode()
        self._allow_private = allow_private_urls
        self._result_max = result_max_bytes
        self.unknown_keys = 0
        self.bad_traces = 0

    def decode(self, message: InboundMessage) -> Command:
        """The command of a message; never raises for anything that a message may hold."""
        headers = Headers(message)
        try:
            return self._decode(message, headers)
        except Malformed as error:
            return Reject(error.reason, error.detail, self._id_if_any(headers))
        except InvalidValue as error:
            return Reject(DeadLetterReason.INVALID_VALUE, str(error), self._id_if_any(headers))
        finally:
            self.bad_traces += headers.bad_traces

    def _decode(self, message: InboundMessage, headers: Headers) -> Command:
        if message.headers is UNREADABLE_HEADERS:
            raise Malformed(DeadLetterReason.INVALID_HEADER, "the name of a header is not UTF-8")
        if headers.raw("source") == self._own_name and self._is_own_event(headers):
            return Skip("own_event")
        headers.check_format()
        is_request = message.topic == self._request_topic
        status = self._status(headers, is_request=is_request)
        task_id = headers.task_id()
        if task_id is None:
            # What is reported needs the id of a task that somebody knows; only a request can do with a new one.
            if not is_request or status is not TaskStatus.NEW:
                raise Malformed(DeadLetterReason.MISSING_ID, "neither header id nor the key holds a task id")
            position = f"{self._topic_ids[message.topic]}/{message.partition}/{message.offset}"
            task_id = TaskId(str(uuid5(_POSITION_IDS, position)))
        if status is TaskStatus.NEW:
            return self._request(message, headers, task_id)
        return self._report(message, headers, task_id, status)

    def _is_own_event(self, headers: Headers) -> bool:
        event_type = headers.text("event_type")
        if headers.text("event_id") is None or event_type is None:
            return False
        if event_type not in _EVENT_NAME_STATUS:
            # Of another release: what it leaves a task in is not known here, and then the relay names no status.
            return headers.raw("status") is None
        said = _EVENT_NAME_STATUS[event_type]
        return said is None or headers.text("status") == said

    def _status(self, headers: Headers, *, is_request: bool) -> TaskStatus:
        name = headers.raw("status")
        if not name:
            if is_request:
                return TaskStatus.NEW
            raise Malformed(DeadLetterReason.MISSING_STATUS, "a status message needs the header status")
        status = _STATUS_BYTES.get(name)
        if status is None:
            raise Malformed(DeadLetterReason.UNKNOWN_STATUS, f"header status must be one of {', '.join(STATUS_NAMES)}")
        return status

    def _request(self, message: InboundMessage, headers: Headers, task_id: TaskId) -> CreateTask:
        body = parse_body(message.value)
        if body.keys() != _PLAIN_REQUEST:
            body = self._members(body, _REQUEST_KEYS)
        metadata = body.get("metadata")
        if metadata is not None and type(metadata) is not dict:
            raise Malformed(DeadLetterReason.WRONG_TYPE, "metadata must be an object of texts")
        traceparent, tracestate = headers.trace()
        return CreateTask(
            task_id,
            UserEmail(_required_text(body, "userEmail")),
            TaskQuery(_required_text(body, "userQuery")),
            TaskUrl(_required_text(body, "originalUrl"), allow_private=self._allow_private),
            task_metadata(metadata) if metadata else {},
            headers.time(),
            message,
            headers.short_text("source"),
            headers.short_text("correlation_id"),
            traceparent,
            tracestate,
        )

    def _report(self, message: InboundMessage, headers: Headers, task_id: TaskId, status: TaskStatus) -> ReportStatus:
        body = self._members(parse_body(message.value), _REPORT_KEYS[status])
        traceparent, tracestate = headers.trace()
        return ReportStatus(
            id=task_id,
            status=status,
            at=headers.time(),
            source=message,
            attempt=headers.attempt(),
            worker=_optional_text(body, "worker", TEXT_MAX),
            progress=_progress(body),
            result=self._result(message, body) if status is TaskStatus.COMPLETED else None,
            error=self._bounded(_required_text(body, "error"), "error") if status is TaskStatus.ERROR else None,
            retryable=_optional_bool(body, "retryable"),
            actor=headers.short_text("source"),
            correlation_id=headers.short_text("correlation_id"),
            traceparent=traceparent,
            tracestate=tracestate,
        )

    def _members(self, body: Json, names: Mapping[str, str]) -> Json:
        """The known members by the contract's names; a member spelt in two ways is a duplicate."""
        members: Json = {}
        for key, value in body.items():
            name = names.get(key)
            if name is None:
                self.unknown_keys += 1
            elif name in members:
                raise Malformed(DeadLetterReason.DUPLICATE_KEY, f"{name} is given twice, in two spellings")
            else:
                members[name] = value
        return members

    def _result(self, message: InboundMessage, body: Json) -> str:
        if "result" not in body:
            raise Malformed(DeadLetterReason.MISSING_FIELD, "result is missing")
        result = body["result"]
        text = result if type(result) is str else raw_member(message.value or b"", "result")
        return self._bounded(text, "result")

    def _bounded(self, text: str, name: str) -> str:
        if len(text) > self._result_max or len(text.encode()) > self._result_max:
            raise Malformed(DeadLetterReason.RESULT_TOO_LARGE, f"{name} has more than {self._result_max} bytes")
        return text

    @staticmethod
    def _id_if_any(headers: Headers) -> TaskId | None:
        try:
            return headers.task_id()
        except Malformed:
            return None


def _required_text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if type(value) is str:
        return value
    if name in body and value is not None:
        raise Malformed(DeadLetterReason.WRONG_TYPE, f"{name} must be a text")
    raise Malformed(DeadLetterReason.MISSING_FIELD, f"{name} is missing")


def _optional_text(body: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not str:
        raise Malformed(DeadLetterReason.WRONG_TYPE, f"{name} must be a text")
    if len(value) > longest:
        raise Malformed(DeadLetterReason.INVALID_VALUE, f"{name} must have at most {longest} characters")
    return value


def _optional_bool(body: Mapping[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is not None and type(value) is not bool:
        raise Malformed(DeadLetterReason.WRONG_TYPE, f"{name} must be true or false")
    return value


def _progress(body: Mapping[str, Any]) -> float | None:
    value = body.get("progress")
    if value is None:
        return None
    if type(value) not in (int, float):
        raise Malformed(DeadLetterReason.WRONG_TYPE, "progress must be a number")
    if not 0 <= value <= 1:
        raise Malformed(DeadLetterReason.INVALID_VALUE, "progress must lie between 0 and 1")
    return float(value)
