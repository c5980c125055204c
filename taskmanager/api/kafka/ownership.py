"""Which partitions a process owns by arithmetic."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Protocol

from taskmanager.application.commands import Partition

_LOOK_SECONDS = 0.5


class Ownership(Protocol):
    """Says which partitions are this process's to read."""

    def owned(self, partitions: Mapping[str, int]) -> list[Partition]:
        """Those that it owns, sorted, of so many partitions of each topic."""

    def has_changed(self) -> bool:
        """Whether `owned` would answer something else than last time; asked after every fetch, so it must be cheap."""


class PinnedOwnership:
    """Process `slot` of container `ordinal` of `replicas`; `count` says how many processes this container has.

    A container owns the partitions p with p mod replicas = ordinal, and deals them out to its own processes by
    p div replicas mod count. So each container may have another number of processes, and change it by itself: whatever
    the numbers are, every partition has exactly one owner. A slot beyond the count owns nothing.
    """

    def __init__(
        self,
        slot: int,
        ordinal: int,
        replicas: int,
        count: Callable[[], int],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._slot = slot
        self._ordinal = ordinal
        self._replicas = replicas
        self._count = count
        self._clock = clock
        self._used = count()
        self._looked = clock()

    def owned(self, partitions: Mapping[str, int]) -> list[Partition]:
        """See `Ownership.owned`; equal numbers of all topics belong together."""
        self._used = count = self._count()
        return [
            Partition(topic, number)
            for topic, total in sorted(partitions.items())
            for number in range(self._ordinal, total, self._replicas)
            if number // self._replicas % count == self._slot
        ]

    def has_changed(self) -> bool:
        """See `Ownership.has_changed`; looks at the number twice a second at most."""
        now = self._clock()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            return self._count() != self._used
        return False
