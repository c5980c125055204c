"""Whatever writers do between any two steps of a reader: each event once, in order, and none left behind."""

import types
from collections.abc import Callable, Coroutine, Generator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from taskmanager.application.event_log import HighWaterReader, LoggedEvent, LogWriter
from tests.fakes.event_log import InMemoryEventLog, Transaction


@types.coroutine
def _interruption() -> Generator[None, None, None]:
    """Where the machine may let others do something before the reader goes on."""
    yield


class _Interrupted:
    """The log for a reader that is interrupted before and after each look at it."""

    def __init__(self, log: InMemoryEventLog) -> None:
        self._log = log

    async def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        await _interruption()
        events = await self._log.read(after, limit)
        await _interruption()
        return events

    async def writers(self) -> frozenset[LogWriter]:
        await _interruption()
        writers = await self._log.writers()
        await _interruption()
        return writers


class _World:
    """Three sessions that do all that a transaction can do, and a reader that is stepped through its calls."""

    def __init__(self, limit: int) -> None:
        self.log = InMemoryEventLog()
        self.delivered: list[int] = []
        self._open: dict[int, Transaction] = {}
        self._prepared: list[Transaction] = []
        self._limit = limit
        self._reader = HighWaterReader(_Interrupted(self.log), 0, limit=limit)
        self._call: Coroutine[None, None, Sequence[LoggedEvent]] | None = None

    def append(self, session: int, count: int) -> None:
        """Takes the lock and draws so many numbers, perhaps none yet."""
        transaction = self._transaction(session)
        transaction.lock()
        for _ in range(count):
            transaction.draw()

    def set_savepoint(self, session: int, _: int) -> None:
        self._transaction(session).set_savepoint()

    def roll_back_to_savepoint(self, session: int, _: int) -> None:
        self._transaction(session).roll_back_to_savepoint()

    def roll_back(self, session: int, _: int) -> None:
        self._end(session).release()

    def commit(self, session: int, reads_between: int) -> None:
        self._commit(self._end(session), reads_between)

    def prepare(self, session: int, _: int) -> None:
        transaction = self._end(session)
        transaction.prepare()
        self._prepared.append(transaction)

    def commit_prepared(self, _: int, reads_between: int) -> None:
        if self._prepared:
            self._commit(self._prepared.pop(0), reads_between)

    def roll_back_prepared(self, _: int, __: int) -> None:
        if self._prepared:
            self._prepared.pop(0).release()

    def crash(self, _: int, skipped: int) -> None:
        self._open.clear()
        self.log.restart(skipped)

    def read(self, _: int, number: int) -> None:
        """Goes a few steps on, or through several calls."""
        for _ in range(number**2):
            if self._call is None:
                self._call = self._reader.next()
            try:
                self._call.send(None)
            except StopIteration as answer:
                self._call = None
                self._take(answer.value)

    def restart_reader(self, _: int = 0, __: int = 0) -> None:
        if self._call is not None:
            self._call.close()
            self._call = None
        self._reader = HighWaterReader(_Interrupted(self.log), self._reader.position, limit=self._limit)

    def check(self) -> None:
        """All up to the position was delivered, once and in order."""
        assert self.delivered == [seq for seq in sorted(self.log.visible) if seq <= self._reader.position]

    def finish(self) -> None:
        """Ends all transactions and lets the reader come to the end."""
        for transaction in [*self._open.values(), *self._prepared]:
            self._commit(transaction, 0)
        for _ in range(len(self.log.visible) - len(self.delivered) + 2):
            self.read(0, 4)
        self.restart_reader()

    def _take(self, events: Sequence[LoggedEvent]) -> None:
        assert len(events) <= self._limit
        self.delivered += [event.seq for event in events]

    def _transaction(self, session: int) -> Transaction:
        return self._open.setdefault(session, self.log.begin())

    def _end(self, session: int) -> Transaction:
        transaction = self._transaction(session)
        del self._open[session]
        return transaction

    def _commit(self, transaction: Transaction, reads_between: int) -> None:
        assert all(seq > self._reader.position for seq in transaction.drawn)
        transaction.show()
        self.read(0, reads_between)
        transaction.release()


_STEP = st.tuples(
    st.sampled_from(
        [
            *[_World.read] * 9,
            *[_World.append] * 8,
            *[_World.commit] * 5,
            *[_World.roll_back] * 2,
            _World.set_savepoint,
            _World.roll_back_to_savepoint,
            _World.prepare,
            _World.commit_prepared,
            _World.roll_back_prepared,
            _World.restart_reader,
            _World.crash,
        ]
    ),
    st.integers(0, 2),
    st.integers(0, 5),
)


@settings(max_examples=600, deadline=None)
@given(st.integers(1, 5), st.lists(_STEP, min_size=30, max_size=60))
def test_every_committed_event_is_delivered_once_and_in_order(
    limit: int, steps: list[tuple[Callable[[_World, int, int], None], int, int]]
) -> None:
    world = _World(limit)
    for step, session, number in steps:
        step(world, session, number)
        world.check()

    world.finish()

    assert world.delivered == sorted(world.log.visible)
