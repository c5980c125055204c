"""Reads the headers that the contract names."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from taskmanager.api.kafka.bodies import Malformed
from taskmanager.api.trace_context import is_traceparent, is_tracestate
from taskmanager.application.commands import InboundMessage
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import TaskId

TEXT_MAX = 255
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII).fullmatch
_VERSION = re.compile(r"1(?:\.[0-9]+)?", re.ASCII).fullmatch


class Headers:
    """The headers of one message; of a repeated one the last counts. Raises `Malformed` when a bad one is asked for."""

    __slots__ = ("_message", "_values", "bad_traces")

    def __init__(self, message: InboundMessage) -> None:
        self._message = message
        self._values: Mapping[str, bytes | None] = dict(message.headers or ())
        self.bad_traces = 0

    def text(self, name: str) -> str | None:
        """A header's text, None where it is missing or empty."""
        value = self._values.get(name)
        if not value:
            return None
        try:
            text = value.decode()
        except UnicodeDecodeError:
            raise Malformed(DeadLetterReason.INVALID_HEADER, f"header {name} is not UTF-8") from None
        if "\0" in text:
            raise Malformed(DeadLetterReason.INVALID_HEADER, f"header {name} holds a NUL character")
        return text

    def short_text(self, name: str) -> str | None:
        """A header's text of at most 255 characters."""
        text = self.text(name)
        if text is not None and len(text) > TEXT_MAX:
            raise Malformed(DeadLetterReason.INVALID_HEADER, f"header {name} has more than {TEXT_MAX} characters")
        return text

    def raw(self, name: str) -> bytes | None:
        """A header's bytes, unchecked."""
        return self._values.get(name)

    def task_id(self) -> TaskId | None:
        """The id in `id` or `task_id`, else the message key if it is a UUID."""
        text = self.text("id")
        if text is None:
            text = self.text("task_id")
        if text is not None:
            try:
                return TaskId(text)
            except InvalidValue as error:
                raise Malformed(DeadLetterReason.INVALID_ID, f"header id {error.problem}") from None
        try:
            return TaskId((self._message.key or b"").decode())
        except (InvalidValue, UnicodeDecodeError):
            return None

    def time(self) -> datetime:
        """When it happened at the sender, in UTC; without the header, when Kafka got it."""
        text = self.text("timestamp")
        if text is None:
            return self._kafka_time()
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise Malformed(DeadLetterReason.INVALID_TIMESTAMP, "header timestamp is not ISO 8601") from None
        if time.tzinfo is None:
            raise Malformed(DeadLetterReason.INVALID_TIMESTAMP, "header timestamp has no zone, such as Z or +02:00")
        if not 1 < time.year < 9999:
            raise Malformed(DeadLetterReason.INVALID_TIMESTAMP, "header timestamp is out of range")
        # PostgreSQL knows no zones beyond ±15:59 and none with fractions of a second; Python does.
        return time if time.tzinfo is UTC else time.astimezone(UTC)

    def attempt(self) -> int | None:
        """The attempt that the worker was given."""
        text = self.text("attempt")
        if text is None:
            return None
        if _DIGITS(text) is None or int(text) == 0:
            raise Malformed(DeadLetterReason.INVALID_HEADER, "header attempt must be a positive whole number")
        return int(text)

    def check_format(self) -> None:
        """Refuses task types and message formats that are not ours."""
        task_type = self._values.get("task_type")
        if task_type and task_type != b"web-crawl":
            raise Malformed(DeadLetterReason.UNSUPPORTED_TASK_TYPE, "header task_type must be web-crawl")
        version = self._values.get("version")
        if version and version != b"1" and _VERSION(self.text("version") or "") is None:
            raise Malformed(DeadLetterReason.UNSUPPORTED_VERSION, "header version must be 1 or 1.x")

    def trace(self) -> tuple[str | None, str | None]:
        """traceparent and tracestate; a bad one is dropped and counted, never an error."""
        parent = self._values.get("traceparent")
        if parent is None:
            return None, None
        text = parent.decode("ascii", "replace")
        if not is_traceparent(text):
            self.bad_traces += 1
            return None, None
        state = self._values.get("tracestate")
        if state is None:
            return text, None
        state_text = state.decode("ascii", "replace")
        if not is_tracestate(state_text):
            self.bad_traces += 1
            return text, None
        return text, state_text

    def _kafka_time(self) -> datetime:
        try:
            time = datetime.fromtimestamp((self._message.timestamp_ms or 0) / 1000, UTC)
        except (OverflowError, OSError, ValueError):
            time = None
        if time is None or not 1 < time.year < 9999:
            raise Malformed(DeadLetterReason.INVALID_TIMESTAMP, "Kafka's timestamp is out of range")
        return time
