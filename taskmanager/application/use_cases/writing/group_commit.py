"""Callers that wait at the same moment share a transaction."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import structlog

from taskmanager.application.use_cases.writing.ports import GroupObserver
from taskmanager.application.use_cases.writing.unit import Answer, Overloaded, Unit
from taskmanager.application.use_cases.writing.write_group import Outcome

log = structlog.get_logger(__name__)


class Limits(NamedTuple):
    """How much may wait, and how much of that one transaction takes: numbers of intents, and bytes."""

    waiting_intents: int = 10_000
    waiting_bytes: int = 32 << 20
    group_intents: int = 1000
    group_bytes: int = 8 << 20


class _Waiting(NamedTuple):
    unit: Unit
    answer: asyncio.Future[Answer]


class GroupCommit:
    """Commits what waits, a group at a time: nobody waits while nothing is in hand, and while a group is being
    committed the next one gathers.

    A caller that gives up does not disturb the others; what it asked for may still take effect. Each group holds at
    least one unit, however large.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Unit]], Awaitable[Sequence[Outcome]]],
        observer: GroupObserver,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        self._write = write
        self._observer = observer
        self._limits = limits
        self._queue: deque[_Waiting] = deque()
        self._intents = 0
        self._bytes = 0
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._working: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether the next one would be refused."""
        return self._intents >= self._limits.waiting_intents or self._bytes >= self._limits.waiting_bytes

    def start(self) -> None:
        """Begins to commit; to be called once, inside the loop."""
        self._working = asyncio.create_task(self._work())

    async def submit(self, unit: Unit) -> Answer:
        """The unit's answer, once its effect is durable.

        Raises a `NotAnswered` or a `StoreUnavailable`: nothing has happened then, unless the kind of the latter is
        `UNKNOWN`.
        """
        if self._is_stopping or self._is_full(unit):
            self._observer.overloaded()
            raise Overloaded("stopping" if self._is_stopping else "too many changes are waiting")
        waiting = _Waiting(unit, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._intents += len(unit.intents)
        self._bytes += unit.size
        self._wake.set()
        answer = await waiting.answer
        if answer.replayed:
            self._observer.replayed()
        return answer

    async def stop(self) -> None:
        """Takes nothing more and returns when all that was taken is answered; again, or before the start, at once."""
        self._is_stopping = True
        self._wake.set()
        if self._working is not None:
            await asyncio.wait([self._working])

    def _is_full(self, unit: Unit) -> bool:
        limits = self._limits
        return bool(self._queue) and (
            self._intents + len(unit.intents) > limits.waiting_intents or self._bytes + unit.size > limits.waiting_bytes
        )

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            group = self._take()
            if group:
                await self._commit(group)
            elif self._is_stopping:
                return
            else:
                self._wake.clear()

    def _take(self) -> list[_Waiting]:
        limits = self._limits
        group: list[_Waiting] = []
        intents = size = 0
        while self._queue:
            unit, answer = self._queue[0]
            intents += len(unit.intents)
            size += unit.size
            if group and (intents > limits.group_intents or size > limits.group_bytes):
                break
            waiting = self._queue.popleft()
            self._intents -= len(unit.intents)
            self._bytes -= unit.size
            if not answer.done():  # else nobody waits for it any more
                group.append(waiting)
        return group

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        outcomes: Sequence[Outcome]
        try:
            outcomes = await self._write([waiting.unit for waiting in group])
        except Exception as error:
            log.exception("group_failed")
            outcomes = [error] * len(group)
        for waiting, outcome in zip(group, outcomes, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(outcome, Answer):
                waiting.answer.set_result(outcome)
            else:
                waiting.answer.set_exception(outcome)
