"""Tells what the service itself publishes from what the demo sends to the same topics."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

import msgspec

from taskmanager.api.kafka.codec import Codec
from taskmanager.application.commands import InboundMessage, Skip
from taskmanager.programs.demo.messages import Message

_MARK = "event_id"


class Kind(Enum):
    """Whose message it is."""

    PLAYED = auto()
    EVENT = auto()  # the relay's
    LOOKALIKE = auto()  # played, but the service takes it for its own


class Recogniser:
    """Knows the relay's messages by what the service knows them by, but for those that were announced as played."""

    def __init__(self, own_name: str, topics: Collection[str]) -> None:
        self._codec = Codec(request_topic="", topic_ids=dict.fromkeys(topics, ""), own_name=own_name)
        self._announced: Counter[tuple[tuple[str, bytes | None], ...]] = Counter()

    def announce(self, message: Message) -> None:
        """Takes note of a message that will be played; costs nothing unless it has the mark of an event."""
        if any(name == _MARK for name, _ in message.headers):
            self._announced[message.headers] += 1

    def kind(self, message: InboundMessage) -> Kind:
        """Whose it is; each announced message is claimed once."""
        headers = message.headers or []
        if all(name != _MARK for name, _ in headers) or not isinstance(self._codec.decode(message), Skip):
            return Kind.PLAYED
        if self._announced[tuple(headers)]:
            self._announced[tuple(headers)] -= 1
            return Kind.LOOKALIKE
        return Kind.EVENT


@dataclass(frozen=True, slots=True)
class Published:
    """An event of a task as the topic shows it; `not_before` is when the next attempt may begin, if that must wait."""

    task_id: str
    version: int
    attempt: int
    type: str
    not_before: datetime | None = None

    @classmethod
    def of(cls, message: InboundMessage) -> "Published":
        """Reads the relay's message; raises `ValueError` where its headers, key and body are not of one event."""
        headers = {name: (value or b"").decode() for name, value in message.headers or ()}
        try:
            task_id, version = headers["event_id"].rsplit(":", 1)
            event = cls(task_id, int(version), int(headers["attempt"]), headers["event_type"])
            body = msgspec.json.decode(message.value or b"", type=_Body)
        except KeyError as missing:
            raise ValueError(f"an event without the header {missing}") from None
        except msgspec.MsgspecError as error:
            raise ValueError(f"event {headers['event_id']}: its body is no task ({error})") from None
        said = (headers.get("id"), (message.key or b"").decode("utf-8", "replace"), body.id)
        if said != (task_id, task_id, task_id) or (body.version, body.attempt) != (event.version, event.attempt):
            raise ValueError(f"event {headers['event_id']}: key, headers and body do not name the same")
        return cls(task_id, event.version, event.attempt, event.type, body.not_before)


class _Body(msgspec.Struct, rename="camel"):
    id: str
    version: int
    attempt: int
    not_before: datetime | None = None
