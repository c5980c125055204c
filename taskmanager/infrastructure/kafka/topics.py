"""What Kafka says about topics: incarnations, partitions, and how far back and forward they go."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from taskmanager.application.commands import Partition


class TopicsUnavailable(Exception):  # noqa: N818
    """The brokers did not answer, or a topic is missing; its text names what."""


class TopicsMissing(TopicsUnavailable):
    """The brokers have answered that there is no such topic."""


class TopicDescription(NamedTuple):
    """A topic's incarnation and number of partitions."""

    topic_id: str
    partitions: int


class TopicCatalogue:
    """Blocking look-ups, each of one or two requests; `timeout` in seconds. Raises `TopicsUnavailable`."""

    def __init__(self, properties: Mapping[str, Any], *, timeout: float = 10.0) -> None:
        self._admin = AdminClient(dict(properties))
        self._timeout = timeout

    def describe(self, topics: Iterable[str]) -> dict[str, TopicDescription]:
        """Each topic's id and partitions; a topic that is deleted and made anew has another id."""
        names = list(topics)
        described = self.describe_existing(names)
        if missing := [name for name in names if name not in described]:
            raise TopicsMissing(f"cannot describe the topics {', '.join(missing)}: there are no such topics")
        return described

    def describe_existing(self, topics: Iterable[str]) -> dict[str, TopicDescription]:
        """The same for those of the topics that there are."""
        names = list(topics)
        described = {}
        try:
            futures = self._admin.describe_topics(TopicCollection(names), request_timeout=self._timeout)
            for name in names:
                try:
                    found = futures[name].result(self._timeout)
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                        raise
                else:
                    described[name] = TopicDescription(_uuid(found.topic_id), len(found.partitions))
        except (KafkaException, TimeoutError) as error:
            raise TopicsUnavailable(f"cannot describe the topics {', '.join(names)}: {_text(error)}") from error
        return described

    def watermarks(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """The first offset and the one behind the last of each partition."""
        wanted = [TopicPartition(topic, partition) for topic, partition in partitions]
        if not wanted:
            return {}
        low = self._offsets(wanted, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        high = self._offsets(wanted, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {partition: (low[partition], high[partition]) for partition in low}

    def _offsets(self, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[Partition, int]:
        try:
            futures = self._admin.list_offsets(dict.fromkeys(partitions, spec), request_timeout=self._timeout)
            return {
                Partition(asked.topic, asked.partition): int(future.result(self._timeout).offset)
                for asked, future in futures.items()
            }
        except (KafkaException, TimeoutError) as error:
            raise TopicsUnavailable(f"cannot list offsets: {_text(error)}") from error


def _uuid(topic_id: Any) -> str:
    low, high = topic_id.get_least_significant_bits(), topic_id.get_most_significant_bits()
    return str(UUID(int=((high & (2**64 - 1)) << 64) | (low & (2**64 - 1))))


def _text(error: Exception) -> str:
    return error.args[0].str() if isinstance(error, KafkaException) else f"{type(error).__name__} {error}".strip()
