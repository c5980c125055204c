"""The one place of a process that follows the log, for all of its listeners."""

import asyncio
from collections.abc import Sequence

import structlog

from taskmanager.application.event_log import AdaptivePause, EventLogSource
from taskmanager.application.feed.follower import Follower
from taskmanager.application.feed.log_end import refuse_beyond, settled_end
from taskmanager.application.feed.model import EventFilter, FeedPage
from taskmanager.application.feed.ports import FeedMetrics, FeedStore
from taskmanager.application.feed.ring import Entry, Ring
from taskmanager.application.feed.subscription import Subscription
from taskmanager.application.ports import StoreUnavailable

LISTENERS_MAX = 2000
_HEARTBEAT_SECONDS = 15.0
# How long the first listener waits for those who write at that moment.
_PATIENCE_SECONDS = 5.0
# Longer than other readers' pause: each look may wake a thousand listeners.
_BUSY_SECONDS = 0.02
# So many events at once mean that there are more.
_MANY = 500
_AWAY_SECONDS = 0.5
# Listeners of streams that broke come back all at once; others want to read, too.
_CATCHING_UP = 4
_MISSED_LIMIT = 200
_MISSED_WALK = 2000
_WOKEN_AT_ONCE = 50

_log = structlog.get_logger(__name__)


class HubClosed(Exception):  # noqa: N818
    """The process is about to end."""


class HubFull(Exception):  # noqa: N818
    """There are as many listeners as there may be."""


class EventHub:
    """Follows the log while somebody listens, and wakes the listeners, who take from the ring what they want.

    `log` is read by nobody else; `store` finds the log's end, users of tasks, and what listeners missed.
    """

    def __init__(
        self,
        log: EventLogSource,
        store: FeedStore,
        ring: Ring,
        metrics: FeedMetrics,
        *,
        listeners_max: int = LISTENERS_MAX,
        heartbeat_seconds: float = _HEARTBEAT_SECONDS,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._log = log
        self._store = store
        self._ring = ring
        self._metrics = metrics
        self._listeners_max = listeners_max
        self._heartbeat_seconds = heartbeat_seconds
        self._patience = patience
        self._listeners: set[Subscription] = set()
        self._opening: asyncio.Task[None] | None = None
        self._working: list[asyncio.Task[None]] = []
        self._reading = asyncio.Semaphore(_CATCHING_UP)
        self._is_closed = False

    async def subscribe(self, wanted: EventFilter, after: int | None) -> Subscription:
        """A listener that gets every wanted event behind number `after`, or each that is committed from now on.

        `leave` is to be called in the end. Raises `HubClosed`, `HubFull`, `BeyondEnd`, or a `StoreError` where the end
        of the log cannot be found: the database is away, or a transaction has been writing longer than the patience.
        """
        if self._is_closed:
            raise HubClosed
        if len(self._listeners) >= self._listeners_max:
            raise HubFull
        subscription = Subscription(self._ring, wanted, self._missed)
        self._listeners.add(subscription)
        try:
            if self._opening is None:
                self._opening = asyncio.create_task(self._open())
                self._opening.add_done_callback(self._opened)
            opening = self._opening
            await asyncio.wait({opening})
            if self._is_closed:
                raise HubClosed
            opening.result()
            if after is not None:
                await refuse_beyond(self._store, after)
                if self._is_closed:
                    raise HubClosed
        except BaseException:
            self.leave(subscription)
            raise
        subscription.begin(after)
        self._metrics.listening(len(self._listeners))
        return subscription

    def leave(self, subscription: Subscription, dropped: str | None = None) -> None:
        """Forgets a listener; `dropped` says why it is one that would have stayed. The last one ends the work."""
        if dropped is not None:
            self._metrics.dropped(dropped)
        self._listeners.discard(subscription)
        self._metrics.listening(len(self._listeners))
        if not self._listeners:
            self._rest()

    async def close(self) -> None:
        """Ends all subscriptions at once, and the work; again does nothing."""
        self._is_closed = True
        for subscription in self._listeners:
            subscription.end()
        stopped = self._rest()
        if stopped:
            await asyncio.wait(stopped)

    def _rest(self) -> Sequence[asyncio.Task[None]]:
        """Stops following; the next listener begins anew."""
        stopped, self._working = self._working, []
        if self._opening is not None and not self._opening.done():
            stopped.append(self._opening)
        self._opening = None
        for task in stopped:
            task.cancel()
        return stopped

    async def _open(self) -> None:
        position = await settled_end(self._store, self._patience)
        if position is None:
            raise StoreUnavailable(f"a transaction has been writing events for more than {self._patience:g} s")
        self._ring.restart(position)
        self._working = [asyncio.create_task(self._follow(position)), asyncio.create_task(self._remind())]
        for task in self._working:
            task.add_done_callback(self._worked)

    def _opened(self, opening: asyncio.Task[None]) -> None:
        if (opening.cancelled() or opening.exception() is not None) and self._opening is opening:
            self._opening = None  # whoever waits for it is told; the next one tries again

    async def _follow(self, position: int) -> None:
        follower, pause = Follower(self._log, self._store, position), AdaptivePause(busy=_BUSY_SECONDS)
        while True:
            entries = await follower.next()
            if entries:
                before = self._ring.position
                self._ring.extend(entries)
                self._metrics.followed(len(entries))
                await self._tell(before, entries)
            if entries is None:
                await asyncio.sleep(_AWAY_SECONDS)
            elif len(entries) < _MANY:
                await asyncio.sleep(pause.after(found=bool(entries)))

    async def _tell(self, before: int, entries: Sequence[Entry]) -> None:
        """Wakes whoever may want one of these, some at a time: others have requests, too."""
        users = frozenset(entry.user_email for entry in entries)
        task_ids = frozenset(entry.event.task_id for entry in entries)
        woken = 0
        for subscription in list(self._listeners):
            woken += subscription.news(before, users, task_ids)
            if woken >= _WOKEN_AT_ONCE:
                woken = 0
                await asyncio.sleep(0)

    async def _remind(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            for count, subscription in enumerate(list(self._listeners), 1):
                subscription.remind()
                if count % _WOKEN_AT_ONCE == 0:
                    await asyncio.sleep(0)

    def _worked(self, task: asyncio.Task[None]) -> None:
        """A defect must not leave listeners with a silence that looks like peace: they are to come again."""
        if task.cancelled() or task not in self._working:
            return
        _log.error("live streams failed", exc_info=task.exception())
        for subscription in self._listeners:
            subscription.end()
        self._rest()

    async def _missed(self, wanted: EventFilter, after: int, upto: int) -> FeedPage:
        async with self._reading:
            return await self._store.page(wanted, after, upto, limit=_MISSED_LIMIT, walk=_MISSED_WALK)
