"""The event log in memory as the feed reads it, and listeners."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from taskmanager.application.event_log import LoggedEvent, LogWriter
from taskmanager.application.feed.hub import EventHub
from taskmanager.application.feed.model import EventFilter, FeedEvent, FeedPage, TaskFacts, feed_event, status_after
from taskmanager.application.feed.ports import Run
from taskmanager.application.feed.subscription import Subscription
from taskmanager.application.ports import StoreUnavailable
from taskmanager.domain.values import UserEmail
from tests.fakes.event_log import InMemoryEventLog

ANN = UserEmail("ann@example.com")
BEN = UserEmail("ben@example.com")


class RemoteLog:
    """Implements `EventLogSource` and `FeedStore` over a log that takes `delay()` seconds to reach, or is away.

    A task belongs to Ann unless `facts` says otherwise. Counts the pages that are asked for.
    """

    def __init__(self, log: InMemoryEventLog, delay: Callable[[], float] = lambda: 0.001) -> None:
        self.log = log
        self.facts_of: dict[str, TaskFacts] = {}
        self.is_away = False
        self.pages = 0
        self._delay = delay

    async def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """See `EventLogSource.read`."""
        await self._reach()
        events = await self.log.read(after, limit)
        await self._reach()
        return events

    async def writers(self) -> frozenset[LogWriter]:
        """See `EventLogSource.writers`."""
        await self._reach()
        writers = await self.log.writers()
        await self._reach()
        return writers

    async def last(self) -> int:
        """See `FeedStore.last`."""
        await self._reach()
        last = max(self.log.visible, default=0)
        await self._reach()
        return last

    async def drawn(self) -> int:
        """See `FeedStore.drawn`."""
        await self._reach()
        return self.log.last

    async def run(self, after: int, length: int) -> Run:
        """See `FeedStore.run`."""
        numbers = [event.seq for event in await self.read(after, len(self.log.visible) or 1)]
        end = max((seq for place, seq in enumerate(numbers, 1) if seq - place == after), default=after)
        end = min(end, after + length)
        return Run(end, end < after + length and bool(numbers) and numbers[-1] > end)

    async def page(self, wanted: EventFilter, after: int, upto: int, *, limit: int, walk: int) -> FeedPage:
        """See `FeedStore.page`."""
        self.pages += 1
        events = await self.read(after, len(self.log.visible) or 1)
        if wanted.task_id is None and events:
            upto = min(upto, events[0].seq + walk - 1)
        walked = [event for event in events if event.seq <= upto]
        found = []
        for event in walked:
            facts = self._facts(event.task_id)
            status = status_after(event, facts)
            if wanted.takes(event, facts.user_email, status):
                found.append(feed_event(event, status))
        if len(found) > limit:
            found, upto = found[:limit], found[limit - 1].sequence
        return FeedPage(found, upto)

    async def facts(self, task_ids: Collection[str]) -> Mapping[str, TaskFacts]:
        """See `FeedStore.facts`."""
        await self._reach()
        return {task_id: self._facts(task_id) for task_id in task_ids}

    def _facts(self, task_id: str) -> TaskFacts:
        return self.facts_of.get(task_id, TaskFacts(ANN, "new"))

    async def _reach(self) -> None:
        await asyncio.sleep(self._delay())
        if self.is_away:
            raise StoreUnavailable("the server is away")


class CountedStreams:
    """Implements `FeedMetrics`."""

    def __init__(self) -> None:
        self.listeners = 0
        self.reasons: list[str] = []
        self.events = 0
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until it is true."""
        async with asyncio.timeout(30):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def listening(self, listeners: int) -> None:
        """See `FeedMetrics.listening`."""
        self.listeners = listeners
        self._changed.set()

    def dropped(self, reason: str) -> None:
        """See `FeedMetrics.dropped`."""
        self.reasons.append(reason)
        self._changed.set()

    def followed(self, events: int) -> None:
        """See `FeedMetrics.followed`."""
        self.events += events
        self._changed.set()


def number(event: FeedEvent) -> bytes:
    """All that these listeners are told of an event."""
    return b"%d " % event.sequence


class Listener:
    """Takes whatever its subscription has for it; `seqs` are the numbers of the events."""

    def __init__(self, hub: EventHub, subscription: Subscription) -> None:
        self.seqs: list[int] = []
        self.chunks = 0
        self.silences = 0
        self.subscription = subscription
        self._hub = hub
        self.task = asyncio.create_task(self._listen())

    async def leave(self) -> int:
        """Goes away; the position to come back to."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self._hub.leave(self.subscription)
        return self.subscription.position

    async def _listen(self) -> None:
        while (told := await self.subscription.next()) is not None:
            self.chunks += 1
            self.silences += not told
            self.seqs += [int(each) for each in told.split()]


async def listen(hub: EventHub, wanted: EventFilter | None = None, after: int | None = None) -> Listener:
    """A new listener."""
    return Listener(hub, await hub.subscribe(wanted or EventFilter(), after))
