"""Messages to the world, and how publishing them may fail."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

HeaderValue = str | bytes | None
Header = tuple[str, HeaderValue]


class Outbound(NamedTuple):
    """A message about to be sent; without a partition, its key decides."""

    topic: str
    key: str | bytes | None
    value: bytes | None
    headers: list[Header]
    partition: int | None = None


# What the record format adds to a header, at most.
_HEADER_BYTES = 8


def message_size(message: Outbound) -> int:
    """The bytes of a message as limits count them, give or take the record's own frame."""
    size = _length(message.key) + _length(message.value)
    return size + sum(len(name.encode()) + _length(value) + _HEADER_BYTES for name, value in message.headers)


def _length(value: HeaderValue) -> int:
    return len(value.encode() if isinstance(value, str) else value or b"")


class PublishFailed(Exception):  # noqa: N818
    """Nothing of what was to be published will ever be seen, unless the text says otherwise; a new producer may do it.

    `kind` is one of a fixed set of words for metrics.
    """

    kind = "failed"


class PublisherUnreachable(PublishFailed):
    """There is no way to Kafka from here, for now; whether what was under way will be seen is not known."""

    kind = "unreachable"


class PublisherFenced(PublishFailed):
    """A younger producer publishes in this one's place."""

    kind = "fenced"


class MessageTooLarge(PublishFailed):
    """The topic takes no message of this size; the limit has been lowered."""

    kind = "too_large"


class PublisherClosed(PublishFailed):
    """The publisher was closed while it worked; whether the messages will be seen is not known."""

    kind = "closed"


class EventPublisher(Protocol):
    """Publishes chunks of events, each as a whole or not at all; after any failure only `close` is left to call.

    `reach` and `publish` wait for Kafka for seconds only, then raise `PublisherUnreachable`: others may get there.
    """

    @property
    def message_max_bytes(self) -> int:
        """The largest message that the topic takes, key and headers included; known once it is open."""

    async def reach(self) -> None:
        """Shows that Kafka answered within the last seconds, and disturbs nobody; raises `PublishFailed`."""

    async def open(self) -> None:
        """Gets ready, and fences off every older publisher for good; waits for Kafka until it is closed."""

    async def publish(self, messages: Sequence[Outbound]) -> None:
        """Returns when all are there to be read, in order per key; raises `PublishFailed`."""

    async def close(self) -> None:
        """Stops at once, also in the midst of `open` or `publish`; may be opened again."""
