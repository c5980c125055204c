"""Whatever writers do, whenever listeners break off and come back: each event once, in order, and none left behind."""

import asyncio
import itertools
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from taskmanager.application.feed.hub import EventHub
from taskmanager.application.feed.model import EventFilter, TaskFacts
from taskmanager.application.feed.ring import Ring
from taskmanager.application.feed.subscription import FellBehind, Subscription
from tests.builders import task_id
from tests.fakes.event_feed import BEN, CountedStreams, RemoteLog, number
from tests.fakes.event_log import InMemoryEventLog, Transaction
from tests.fakes.virtual_time import VirtualTimeLoop

_LISTENERS = 2
_LONG = 60.0


class _Client:
    """Comes, takes, breaks off, and comes back to where it was."""

    def __init__(self, hub: EventHub, log: InMemoryEventLog, wanted: EventFilter) -> None:
        self.seqs: list[int] = []
        self.hidden: set[int] = set()  # what nobody could see when it had come for the first time
        self.drops = 0
        self._hub = hub
        self._log = log
        self._wanted = wanted
        self._position: int | None = None
        self._session: asyncio.Task[None] | None = None
        self._resting = asyncio.Event()

    def come(self) -> None:
        if self._session is None or self._session.done():
            self._session = asyncio.create_task(self._listen())

    def rest(self) -> None:
        self._resting.clear()

    def go_on(self) -> None:
        self._resting.set()

    async def break_off(self) -> None:
        if self._session is not None:
            self._session.cancel()
            await asyncio.gather(self._session, return_exceptions=True)

    async def _listen(self) -> None:
        subscription = await self._hub.subscribe(self._wanted, self._position)
        try:
            if self._position is None:
                self._position = subscription.position
                self.hidden = set(range(1, self._log.last + 1)) - self._log.visible.keys()
            await self._take(subscription)
        except FellBehind:
            self.drops += 1
        finally:
            self._hub.leave(subscription)

    async def _take(self, subscription: Subscription) -> None:
        while (told := await subscription.next()) is not None:
            self.seqs += [int(each) for each in told.split()]
            self._position = subscription.position
            await self._resting.wait()


class _World:
    """Sessions that write, clients that listen, and time that passes between any two steps."""

    def __init__(self, delays: list[int], ring_size: int) -> None:
        self.log = InMemoryEventLog()
        turns = itertools.cycle(delays)
        remote = RemoteLog(self.log, lambda: next(turns) / 100)
        for seq in range(0, 500, 3):
            remote.facts_of[task_id(seq)] = TaskFacts(BEN, "new")
        self.hub = EventHub(remote, remote, Ring(number, count_max=ring_size), CountedStreams(), patience=_LONG)
        wanted = [EventFilter(), EventFilter(owner=BEN)]
        self.clients = [_Client(self.hub, self.log, each) for each in wanted]
        self._open: dict[int, Transaction] = {}
        for client in self.clients:
            client.go_on()

    async def append(self, session: int, count: int) -> None:
        transaction = self._open.setdefault(session, self.log.begin())
        transaction.lock()
        for _ in range(count):
            transaction.draw()

    async def commit(self, session: int, tenths: int) -> None:
        if transaction := self._open.pop(session, None):
            transaction.show()
            await asyncio.sleep(tenths / 100)  # others see it before it lets go of its lock
            transaction.release()

    async def roll_back(self, session: int, _: int) -> None:
        if transaction := self._open.pop(session, None):
            transaction.release()

    async def come(self, client: int, _: int) -> None:
        self.clients[client % _LISTENERS].come()

    async def break_off(self, client: int, _: int) -> None:
        await self.clients[client % _LISTENERS].break_off()

    async def rest(self, client: int, _: int) -> None:
        self.clients[client % _LISTENERS].rest()

    async def go_on(self, client: int, _: int) -> None:
        self.clients[client % _LISTENERS].go_on()

    async def wait(self, _: int, tenths: int) -> None:
        await asyncio.sleep(tenths / 10)

    async def finish(self) -> None:
        """Ends what is open, and lets whoever is a listener come to the end."""
        for session in list(self._open):
            await self.commit(session, 0)
        for client in self.clients:
            client.go_on()
            await asyncio.sleep(_LONG)
            client.come()  # who fell behind in the end comes back, too
        await asyncio.sleep(_LONG)
        await self.hub.close()


_STEP = st.tuples(
    st.sampled_from(
        [
            *[_World.append] * 6,
            *[_World.commit] * 4,
            *[_World.wait] * 3,
            *[_World.come] * 3,
            _World.roll_back,
            _World.break_off,
            *[_World.rest] * 2,
            *[_World.go_on] * 2,
        ]
    ),
    st.integers(0, 2),
    st.integers(0, 6),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=7),
    st.integers(1, 6),
    st.lists(_STEP, min_size=20, max_size=60),
)
def test_every_event_that_comes_after_the_listener_is_told_once_and_in_order(
    delays: list[int], ring_size: int, steps: list[tuple[Callable[..., object], int, int]]
) -> None:
    async def run() -> _World:
        world = _World(delays, ring_size)
        for step, who, number_ in steps:
            await step(world, who, number_)
        await world.finish()
        return world

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        world = runner.run(run())

    everybody, of_ben = world.clients
    for client, visible in (
        (everybody, set(world.log.visible)),
        (of_ben, {s for s in world.log.visible if s % 3 == 0}),
    ):
        told = client.seqs
        assert told == sorted(told)
        assert told == sorted(seq for seq in visible if told and seq >= told[0])
        assert client.hidden & visible <= set(told)
