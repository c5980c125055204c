"""Dead letters as messages: as they were, with the reason in headers of their own."""

from collections.abc import Iterator

from taskmanager.application.outbound import Header, Outbound, message_size
from taskmanager.application.published_letters import LetterTopic, UnpublishedLetter


def encode_letter(letter: UnpublishedLetter, topic: LetterTopic) -> Outbound:
    """Key, value and headers as they were, to the partition of the same number if there is one.

    Where that is too large for the topic, the value is left out (`dlq_value_omitted: true`), then the original headers,
    then the key, each with such a header in its place.
    """
    partition = letter.partition if letter.partition < topic.partitions else None
    for message in _forms(letter, topic.name, partition):
        if message_size(message) <= topic.message_max_bytes:
            break
    return message


def _forms(letter: UnpublishedLetter, topic: str, partition: int | None) -> Iterator[Outbound]:
    told: list[Header] = [
        ("dlq_id", str(letter.id)),
        ("dlq_reason", letter.reason),
        ("dlq_detail", letter.detail),
        ("dlq_topic", letter.topic),
        ("dlq_partition", str(letter.partition)),
        ("dlq_offset", str(letter.offset)),
        ("dlq_recorded_at", letter.recorded_at.isoformat()),
    ]
    headers: list[Header] = [*letter.headers]
    yield Outbound(topic, letter.key, letter.value, [*headers, *told], partition)
    told.append(("dlq_value_omitted", "true"))
    yield Outbound(topic, letter.key, None, [*headers, *told], partition)
    told.append(("dlq_headers_omitted", "true"))
    yield Outbound(topic, letter.key, None, told, partition)
    yield Outbound(topic, None, None, [*told, ("dlq_key_omitted", "true")], partition)
