"""Reads pinned partitions: no group, no rebalances; what protects is the stored offset."""

from collections.abc import Mapping

from taskmanager.application.commands import Partition
from taskmanager.infrastructure.kafka.fetching import FetchingConsumer, positions


class PinnedConsumer(FetchingConsumer):
    """Reads the partitions that it is told to, and asks nobody."""

    def _assign(self, offsets: Mapping[Partition, int]) -> None:
        self._consumer.assign(positions(offsets))
