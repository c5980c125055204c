"""What Kafka holds of the topics, for one-shot commands."""

from collections.abc import Iterable, Mapping
from typing import Any

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.infrastructure.kafka.topics import TopicCatalogue


def topic_ends(
    properties: Mapping[str, Any], topics: Iterable[str], *, missing_ok: bool
) -> Mapping[Partition, TopicEnds]:
    """The ends of every partition of these topics; raises `TopicsUnavailable`, also for one that is missing if that
    is not `missing_ok`.
    """
    # The client writes a line to stderr for every lost connection; the commands tell of an outage themselves.
    catalogue = TopicCatalogue({**properties, "log_level": 0})
    described = catalogue.describe_existing(topics) if missing_ok else catalogue.describe(topics)
    marks = catalogue.watermarks(
        Partition(name, number) for name, topic in described.items() for number in range(topic.partitions)
    )
    return {partition: TopicEnds(described[partition.topic].topic_id, *mark) for partition, mark in marks.items()}
