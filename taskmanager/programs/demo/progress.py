"""Where the appliance stands."""

from collections.abc import Mapping
from dataclasses import dataclass

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of the appliance: what is read of each partition, how long each is, and what the tables hold.

    Marks of transactions count as read and as skipped, like the messages between them.
    """

    tasks: Mapping[str, int]
    read: Mapping[Partition, int]
    skipped: Mapping[Partition, int]
    ends: Mapping[Partition, int]
    dead_letters: int
    parked: int
    claimable: int  # parked reports whose task exists: the next sweep applies them
    expired: int  # parked reports that became dead letters
    last_event: int  # the highest number in the event log
    published: int  # the number up to which the relay has published the log

    @property
    def lag(self) -> int:
        """Messages that wait in the topics."""
        return sum(max(0, end - self.read.get(partition, 0)) for partition, end in self.ends.items())

    @property
    def backlog(self) -> int:
        """How far the relay is behind the event log."""
        return max(0, self.last_event - self.published)

    @property
    def ingested(self) -> int:
        """Where the readers of all partitions stand, added up."""
        return sum(self.read.values())

    @property
    def settled(self) -> bool:
        """Nothing waits, and nothing will change by itself."""
        return self.lag == 0 and self.claimable == 0 and self.backlog == 0
