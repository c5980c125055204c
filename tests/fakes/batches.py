"""Batches as the consumer's loop makes them."""

from collections.abc import Mapping, Sequence

from taskmanager.application.batch import NOTHING, Batch
from taskmanager.application.commands import InboundMessage, Partition
from tests.fakes.messages import TOPIC_IDS, codec


def partition_of(message: InboundMessage) -> Partition:
    """Where a message lies."""
    return Partition(message.topic, message.partition)


def batch_of(
    messages: Sequence[InboundMessage],
    starts: Mapping[Partition, int] | None = None,
    reached: Mapping[Partition, int] = NOTHING,
) -> Batch:
    """A batch of these messages; partitions that `starts` does not name begin at their first message."""
    begins: dict[Partition, int] = {at: starts[at] for at in reached if starts and at in starts}
    for message in messages:
        partition = partition_of(message)
        begins.setdefault(partition, (starts or {}).get(partition, message.offset))
    reader = codec()
    return Batch(messages, [reader.decode(message) for message in messages], begins, TOPIC_IDS, reached)


def numbered(messages: Sequence[InboundMessage], first: int = 0) -> list[InboundMessage]:
    """The same messages with the offsets that they get when they are sent one after another."""
    ends: dict[Partition, int] = {}
    sent = []
    for message in messages:
        offset = ends.get(partition_of(message), first)
        ends[partition_of(message)] = offset + 1
        sent.append(message._replace(offset=offset))
    return sent


def first_offsets(messages: Sequence[InboundMessage]) -> dict[Partition, tuple[str, int]]:
    """What to register before these messages are ingested: every partition from offset 0."""
    return {partition_of(message): (TOPIC_IDS[message.topic], 0) for message in messages}
