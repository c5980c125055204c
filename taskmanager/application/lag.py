"""How far the consumers are behind."""

from collections.abc import Mapping

from taskmanager.application.commands import Partition


def lag_by_partition(
    watermarks: Mapping[Partition, tuple[int, int]], next_offsets: Mapping[Partition, int]
) -> Mapping[Partition, int]:
    """Messages that are not ingested yet, sorted by partition; one never read yet lags by all that it holds.

    `watermarks` are Kafka's first offset and the one behind its last, `next_offsets` where the consumers go on.
    """
    lag = {}
    for partition, (low, high) in sorted(watermarks.items()):
        position = max(next_offsets.get(partition, low), low)
        lag[partition] = max(high - position, 0)
    return lag
