"""Dead letters on their way to the topics that operators read."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from taskmanager.application.outbound import Outbound


class UnpublishedLetter(NamedTuple):
    """A dead letter with the message as it was."""

    id: int
    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    recorded_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class LetterOutbox(Protocol):
    """The dead letters that are not published yet. Every method may raise a `StoreError`."""

    async def unpublished(self, limit: int, left_out: Collection[str]) -> Sequence[UnpublishedLetter]:
        """The oldest of each source topic that is not left out, at most `limit` of each, fewer where they are large."""

    async def settle(self, ids: Sequence[int], epoch: int) -> bool:
        """Marks them published; False if another term than this has begun, and then nothing has changed."""


class LetterTopic(NamedTuple):
    """A topic that takes dead letters."""

    name: str
    partitions: int
    message_max_bytes: int


class LetterPublisher(Protocol):
    """Publishes messages one by one, and fails one by one."""

    async def describe(self, topic: str) -> LetterTopic | None:
        """What the topic takes; None if there is none; raises `PublishFailed` where Kafka does not answer."""

    async def publish(self, messages: Sequence[Outbound]) -> Sequence[str | None]:
        """What went wrong with each, in their order: None where it has arrived, else the reason."""

    def close(self) -> None:
        """Lets go of Kafka without waiting for what is under way; may be used again."""


# The message that carries a letter.
EncodeLetter = Callable[[UnpublishedLetter, LetterTopic], Outbound]
