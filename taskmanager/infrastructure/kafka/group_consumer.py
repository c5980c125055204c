"""Reads the partitions that Kafka's consumer group hands out to this process."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import Consumer, TopicPartition

from taskmanager.application.commands import Partition
from taskmanager.infrastructure.kafka.fetching import Fetched, FetchingConsumer, positions

log = structlog.get_logger(__name__)

_GROUP_PROPERTIES = {
    # Partitions that stay with their owner are read on through a rebalance.
    "partition.assignment.strategy": "cooperative-sticky",
    # How long the partitions of a member that died wait for another.
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 2_000,
    # How soon partitions that are added to a topic are handed out.
    "topic.metadata.refresh.interval.ms": 15_000,
}


class GroupConsumer(FetchingConsumer):
    """A member of the group: joins with the first `assign`, leaves with `close`.

    What the group hands out is not read before `assign` has said from which offset: the stored offsets count, never
    those of the group. Whoever calls looks at `has_changed` after each fetch, and assigns anew what it finds `owned`.
    A member that did not fetch for `max.poll.interval.ms` is put out of the group, and joins again with its next fetch.
    """

    def __init__(
        self, properties: Mapping[str, Any], topics: Sequence[str], *, batch_size: int, batch_bytes: int
    ) -> None:
        super().__init__({**_GROUP_PROPERTIES, **properties}, batch_size=batch_size, batch_bytes=batch_bytes)
        self._topics = list(topics)
        self._is_member = False
        self._has_changed = False
        # Both are changed within fetches and assignments alone, and looked at between them.
        self._owned: set[Partition] = set()
        self._reading: set[Partition] = set()

    def has_changed(self) -> bool:
        """Whether the group has handed out or taken away partitions since `owned` was asked."""
        return self._has_changed

    def owned(self, partitions: Mapping[str, int]) -> list[Partition]:  # noqa: ARG002 - it is the group that decides
        """What the group has handed out to this process."""
        self._has_changed = False
        return sorted(self._owned)

    def _assign(self, offsets: Mapping[Partition, int]) -> None:
        if not self._is_member:
            self._is_member = True
            self._consumer.subscribe(
                self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
        if self._reading:
            self._consumer.incremental_unassign(_named(self._reading))
        self._reading = self._owned & offsets.keys()
        if self._reading:
            self._consumer.incremental_assign(positions({p: offsets[p] for p in sorted(self._reading)}))

    def _fetch(self) -> Fetched:
        before = self._reading
        fetched = super()._fetch()
        if self._reading == before:
            return fetched
        # Somebody else reads the others from now on.
        return Fetched(
            [message for message in fetched.messages if self._is_read(message)],
            {partition: end for partition, end in fetched.reached.items() if partition in self._reading},
            [partition for partition in fetched.lost if partition in self._reading],
        )

    def _is_read(self, message: Any) -> bool:
        return Partition(message.topic(), message.partition()) in self._reading

    # The driver calls these from within a fetch (and at the end, from within `close`).

    def _on_assign(self, consumer: Consumer, handed: Sequence[TopicPartition]) -> None:
        consumer.incremental_assign([])  # an answer that the driver needs; reading begins with `assign`
        self._change(self._owned | _partitions(handed), "partitions_handed_out", handed)

    def _on_revoke(self, consumer: Consumer, taken: Sequence[TopicPartition]) -> None:
        gone = _partitions(taken)
        consumer.incremental_unassign(_named(gone & self._reading))
        self._reading = self._reading - gone
        self._change(self._owned - gone, "partitions_taken_away", taken)

    def _on_lost(self, consumer: Consumer, taken: Sequence[TopicPartition]) -> None:
        log.warning("put_out_of_group", partitions=len(taken))
        self._on_revoke(consumer, taken)

    def _change(self, owned: set[Partition], event: str, partitions: Sequence[TopicPartition]) -> None:
        if owned != self._owned:
            log.info(event, partitions=[f"{p.topic}/{p.partition}" for p in partitions])
            self._owned = owned
            self._has_changed = True


def _partitions(positions: Sequence[TopicPartition]) -> set[Partition]:
    return {Partition(position.topic, position.partition) for position in positions}


def _named(partitions: set[Partition]) -> list[TopicPartition]:
    return [TopicPartition(p.topic, p.partition) for p in sorted(partitions)]
