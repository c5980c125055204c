"""What following the event log needs of the outside world."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from taskmanager.application.event_log import LogWriter
from taskmanager.application.feed.model import EventFilter, FeedPage, TaskFacts


class Run(NamedTuple):
    """Every number up to `end` is visible; `is_broken` where a gap and then others follow."""

    end: int
    is_broken: bool


class FeedStore(Protocol):
    """The event log for readers that know what they look for. Every method may raise a `StoreError`."""

    async def last(self) -> int:
        """The highest number that is visible, 0 if there is none."""

    async def drawn(self) -> int:
        """The highest number that was ever given to a writer, 0 if there is none; not below what is visible."""

    async def writers(self) -> frozenset[LogWriter]:
        """See `EventLogSource.writers`."""

    async def run(self, after: int, length: int) -> Run:
        """How far the numbers behind `after`, which need not exist, go on without a gap; looks at the next `length`."""

    async def page(self, wanted: EventFilter, after: int, upto: int, *, limit: int, walk: int) -> FeedPage:
        """The first wanted events behind `after` and up to `upto`: at most `limit`, fewer where they are large.

        Without the id of a task it looks at `walk` numbers at most, from the first visible one on.
        """

    async def facts(self, task_ids: Collection[str]) -> Mapping[str, TaskFacts]:
        """Of those tasks that are there, the deleted ones included."""


class FeedMetrics(Protocol):
    """What the hub tells of itself."""

    def listening(self, listeners: int) -> None:
        """Shows how many there are."""

    def dropped(self, reason: str) -> None:
        """Counts a listener that was too slow; `reason` is one of a fixed set."""

    def followed(self, events: int) -> None:
        """Counts events that were told to whoever wants them."""
