"""Watches what comes back on the topics, to compare it with what the database says."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from taskmanager.programs.demo.accounting import Sighting
from taskmanager.programs.demo.progress import Partition
from taskmanager.programs.demo.published import Kind, Published

_PROBLEMS_KEPT = 20


class Witness:
    """Follows every task's events: each version must come after the one before it, a repeated one may come any time."""

    def __init__(self) -> None:
        self.sightings: defaultdict[Partition, Sighting] = defaultdict(Sighting)
        self.duplicates = 0
        self._versions: dict[str, tuple[int, int]] = {}
        self._problems: list[str] = []
        self._more = 0

    @property
    def lookalikes(self) -> int:
        """How many played messages the service takes for its own events."""
        return sum(sighting.lookalikes for sighting in self.sightings.values())

    @property
    def relayed(self) -> int:
        """How many different events have come back."""
        return sum(sighting.events for sighting in self.sightings.values()) - self.duplicates

    def saw(self, partition: Partition, kind: Kind) -> None:
        """Counts a message."""
        sighting = self.sightings[partition]
        sighting.messages += 1
        sighting.events += kind is Kind.EVENT
        sighting.lookalikes += kind is Kind.LOOKALIKE

    def heard(self, event: Published) -> None:
        """Takes the relay's next event in the order of its partition."""
        first, last = self._versions.get(event.task_id, (event.version, event.version - 1))
        if event.version <= last:
            self.duplicates += 1
            return
        if event.version > last + 1:
            self.complain(f"version {event.version} of task {event.task_id} came after version {last}")
        self._versions[event.task_id] = (first, event.version)

    def complain(self, problem: str) -> None:
        """Keeps the first few problems and counts the others."""
        if len(self._problems) < _PROBLEMS_KEPT:
            self._problems.append(problem)
        else:
            self._more += 1

    def problems(self, histories: Iterable[tuple[str, int, int]]) -> list[str]:
        """What was wrong, and what is missing of `histories`: tasks with the first and last version of the time."""
        found = [*self._problems, *self._missing(histories)]
        left_out = self._more + max(0, len(found) - _PROBLEMS_KEPT)
        return found[:_PROBLEMS_KEPT] + (
            [f"{left_out} more events did not come back as they should"] if left_out else []
        )

    def _missing(self, histories: Iterable[tuple[str, int, int]]) -> Iterator[str]:
        written = 0
        for task_id, first, last in histories:
            written += last - first + 1
            seen = self._versions.get(task_id, (0, 0))
            if seen != (first, last):
                yield (
                    f"task {task_id} has events {first} to {last}, but "
                    + (
                        f"those from {seen[0]} to {seen[1]} came back on Kafka"
                        if seen[1]
                        else "none came back on Kafka"
                    )
                )
        if written != self.relayed:
            yield f"{written} events were written, but {self.relayed} different ones came back on Kafka"
