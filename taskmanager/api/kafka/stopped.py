"""Partitions that cannot be read on until somebody decides where."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

import structlog

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import OffsetProblem, TopicEnds, explain, remedy
from taskmanager.application.ports import StoredOffset

log = structlog.get_logger(__name__)

_TELL_SECONDS = 60.0
_REVIEW_SECONDS = 5.0
_EXPLAINED_MAX = 5

ReadStored = Callable[[Sequence[Partition]], Awaitable[Mapping[Partition, StoredOffset]]]
TellCounts = Callable[[Mapping[tuple[str, str], int]], None]


class Stop(NamedTuple):
    """Why a partition is not read, and what its stored offset and its topic were when that was found."""

    problem: OffsetProblem
    stored: StoredOffset | None
    ends: TopicEnds | None


class StoppedPartitions:
    """Tells of them as errors, at once and every minute, and notices when one of them may go on.

    `read_stored` reads stored offsets again; `tell_counts` hears how many are stopped, by topic and problem.
    """

    def __init__(
        self, read_stored: ReadStored, tell_counts: TellCounts, clock: Callable[[], float] = monotonic
    ) -> None:
        self._read_stored = read_stored
        self._tell_counts = tell_counts
        self._clock = clock
        self._stops: Mapping[Partition, Stop] = {}
        self._told = self._reviewed = float("-inf")
        self._is_decided = False

    def replace(self, stops: Mapping[Partition, Stop]) -> None:
        """These are stopped now and no others."""
        for partition in self._stops.keys() - stops.keys():
            log.info("partition_not_stopped_any_more", topic=partition.topic, partition=partition.partition)
        now = self._clock()
        if stops != self._stops or now - self._told >= _TELL_SECONDS:
            self._told = now
            _log(stops)
        if stops or self._stops:
            self._tell_counts(Counter((partition.topic, stop.problem.value) for partition, stop in stops.items()))
        self._stops = stops
        self._is_decided = False
        self._reviewed = now

    def is_due(self) -> bool:
        """Whether all offsets should be looked at again: one has been reset, or a minute has passed."""
        return bool(self._stops) and (self._is_decided or self._clock() - self._told >= _TELL_SECONDS)

    async def review(self) -> None:
        """Looks whether a stored offset has been reset, every few seconds; raises a `StoreError`."""
        waiting = {partition: stop.stored for partition, stop in self._stops.items() if stop.stored is not None}
        now = self._clock()
        if not waiting or now - self._reviewed < _REVIEW_SECONDS:
            return
        self._reviewed = now
        stored = await self._read_stored(list(waiting))
        self._is_decided = any(stored.get(partition) != before for partition, before in waiting.items())


def _log(stops: Mapping[Partition, Stop]) -> None:
    """One line for all partitions of a topic that share a problem."""
    groups: dict[tuple[str, OffsetProblem], list[Partition]] = {}
    for partition, stop in sorted(stops.items()):
        groups.setdefault((partition.topic, stop.problem), []).append(partition)
    for (topic, problem), partitions in groups.items():
        log.error(
            "partitions_stopped",
            topic=topic,
            reason=problem.value,
            partitions=[partition.partition for partition in partitions],
            detail={partition.partition: explain(*stops[partition]) for partition in partitions[:_EXPLAINED_MAX]},
            remedy=remedy(topic, partitions, problem),
        )
