"""An event log in memory, with transactions that lock, draw numbers and end as those of PostgreSQL do."""

from collections.abc import Sequence

from taskmanager.application.event_log import LoggedEvent, LogWriter
from tests.builders import NOON, task_id


def logged(seq: int, **changes: object) -> LoggedEvent:
    """An event with this number, the first of a task of its own unless changed."""
    event = LoggedEvent(
        seq, str(task_id(seq)), 1, "TaskStarted", 1, NOON, NOON, None, None, None, None, None, None, None, None
    )
    return event._replace(**changes)


class InMemoryEventLog:
    """Implements `EventLogSource`; counts what it is asked."""

    def __init__(self) -> None:
        self.last = 0
        self.visible: dict[int, LoggedEvent] = {}
        self.holders: set[Transaction] = set()
        self.reads = 0
        self.lookups = 0
        self._begun = 0

    def begin(self) -> "Transaction":
        """A transaction, which holds nothing yet."""
        self._begun += 1
        return Transaction(self, f"3/{self._begun}")

    def append(self, count: int = 1) -> None:
        """A whole transaction with so many events."""
        transaction = self.begin()
        for _ in range(count):
            transaction.append()
        transaction.commit()

    def restart(self, skipped: int = 0) -> None:
        """Crashes and recovers: ends all but the prepared transactions, which go by another name, and names new ones
        like old ones. The sequence goes on behind `skipped` numbers."""
        self.holders = {transaction for transaction in self.holders if transaction.is_prepared}
        for transaction in self.holders:
            transaction.name = f"-1/{transaction.number}"
        self._begun = 0
        self.last += skipped

    async def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """See `EventLogSource.read`."""
        self.reads += 1
        return [self.visible[seq] for seq in sorted(self.visible) if seq > after][:limit]

    async def writers(self) -> frozenset[LogWriter]:
        """See `EventLogSource.writers`."""
        self.lookups += 1
        return frozenset(LogWriter(each.name, each.is_prepared) for each in self.holders)


class Transaction:
    """One transaction on the log: lock, draw and draw again, show, release."""

    _numbers = 0

    def __init__(self, log: InMemoryEventLog, name: str) -> None:
        Transaction._numbers += 1
        self.number = Transaction._numbers
        self.name = name
        self.is_prepared = False
        self.drawn: list[int] = []
        self._log = log
        self._savepoint: tuple[int, bool] = (0, False)

    def lock(self) -> None:
        """What an INSERT does first; again does nothing."""
        self._log.holders.add(self)

    def draw(self) -> int:
        """What an INSERT does next, once for each row; nobody else sees the event yet."""
        assert self in self._log.holders
        self._log.last += 1
        self.drawn.append(self._log.last)
        return self._log.last

    def append(self) -> int:
        """An INSERT of one event."""
        self.lock()
        return self.draw()

    def set_savepoint(self) -> None:
        """Where `roll_back_to_savepoint` leads."""
        self._savepoint = (len(self.drawn), self in self._log.holders)

    def roll_back_to_savepoint(self) -> None:
        """Undoes what came behind the savepoint, a lock that was taken there included."""
        count, had_lock = self._savepoint
        del self.drawn[count:]
        if not had_lock:
            self._log.holders.discard(self)

    def prepare(self) -> None:
        """Lets it outlive its session and a crash."""
        self.is_prepared = True

    def show(self) -> None:
        """The first half of a commit: all snapshots from now on show its events."""
        for seq in self.drawn:
            self._log.visible[seq] = logged(seq)

    def release(self) -> None:
        """The second half of a commit, and all of a rollback."""
        self._log.holders.discard(self)

    def commit(self) -> None:
        """Both halves."""
        self.show()
        self.release()
