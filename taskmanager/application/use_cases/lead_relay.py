"""Keeps exactly one relay at work: campaigns, leads, steps down at any doubt, and campaigns again."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

import structlog

from taskmanager.application.leadership import Leadership, LeadershipLost, Term
from taskmanager.application.office import Office
from taskmanager.application.outbound import EventPublisher, PublisherUnreachable, PublishFailed
from taskmanager.application.ports import StoreError
from taskmanager.application.waiting import is_set_within

log = structlog.get_logger(__name__)

_STANDBY_SECONDS = 0.5
_PAUSE_SECONDS = 0.1
# Who cannot reach Kafka must not keep the lead from who can, and pauses until the others have asked for it.
_OPEN_SECONDS = 4.0
_GIVE_WAY_SECONDS = 2 * _STANDBY_SECONDS
_LONGEST_PAUSE_SECONDS = 2.5

# The work of one term, until it is told to stop; the office is to be told of each position that is reached.
BeginTerm = Callable[[Office], Sequence[Coroutine[Any, Any, None]]]


class LeadMetrics(Protocol):
    """What is told of a leader."""

    def leads(self, is_leader: bool) -> None: ...
    def stepped_down(self, reason: str) -> None: ...


class LeadRelay:
    """Runs terms one after another.

    Who does not reach Kafka does not campaign. Taking over goes lock, epoch and stored position, publisher (which
    fences off the one before), a look whether the office is still held, work. After any failure the term is over: the
    publisher is closed before anything else, then the lock is given back, and a new term reads again from the stored
    position, here or elsewhere.
    """

    def __init__(
        self,
        leadership: Leadership,
        publisher: EventPublisher,
        begin_term: BeginTerm,
        metrics: LeadMetrics,
        *,
        stopping: asyncio.Event,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._leadership = leadership
        self._publisher = publisher
        self._begin_term = begin_term
        self._metrics = metrics
        self._stopping = stopping
        self._beat = beat
        self._failures = 0
        self._stands_by = False
        self.problem: str | None = None  # why it neither leads nor stands by

    async def run(self) -> None:
        """Works until it is told to stop; raises only what is nobody's doing but ours."""
        while not self._stopping.is_set():
            self._beat()
            pause = _STANDBY_SECONDS
            try:
                await self._unless_stopped(self._publisher.reach())
                if self._stopping.is_set():
                    break
                term = await self._leadership.try_acquire()
                if term is not None:
                    await self._serve(term)
                    pause = 0.0
                else:
                    self._stand_by()
            except* (StoreError, PublishFailed, LeadershipLost) as failures:
                pause = self._step_down(failures)
            await is_set_within(self._stopping, pause)

    def _stand_by(self) -> None:
        self.problem = None
        if not self._stands_by:
            self._stands_by = True
            log.info("relay_stands_by: another one leads")

    async def _serve(self, term: Term) -> None:
        self._stands_by = False
        office = Office(self._leadership, term)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(office.hold())
                await self._unless_stopped(self._publisher.open(), _OPEN_SECONDS)
                self._beat()
                # Whoever took the lead meanwhile has just been fenced off: publish only if nobody has.
                await self._leadership.confirm()
                if not self._stopping.is_set():
                    log.info("relay_leads", epoch=term.epoch, position=term.position)
                    self._metrics.leads(True)
                    self.problem = None
                    for work in [group.create_task(each) for each in self._begin_term(office)]:
                        await work
                office.leave()
        finally:
            if office.position > term.position:
                self._failures = 0
            self._metrics.leads(False)
            await self._publisher.close()
            self._beat()
            await self._leadership.resign()

    async def _unless_stopped(self, call: Coroutine[Any, Any, None], seconds: float | None = None) -> None:
        """A stop does not wait for Kafka; raises `PublisherUnreachable` where it takes too long."""
        calling = asyncio.create_task(call)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({calling, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if calling.done():
                await calling
            elif not stopping.done():
                raise PublisherUnreachable(f"Kafka did not answer within {seconds:g} s")
        finally:
            for task in (calling, stopping):
                task.cancel()

    def _step_down(self, failures: BaseExceptionGroup[Exception]) -> float:
        """Tells why; the pause to make before the next campaign."""
        reasons = _leaves(failures)
        kind = _kind(reasons[0])
        self._metrics.stepped_down(kind)
        retry_after = getattr(reasons[0], "retry_after", None)
        if retry_after is not None:  # refused without a try: that the store or Kafka is away was told when it was found
            return min(max(float(retry_after), 0.0), _LONGEST_PAUSE_SECONDS)
        self.problem = "; ".join(str(reason) for reason in reasons)
        log.warning("relay_steps_down", reason=kind, error=self.problem)
        self._failures += 1
        longest = min(_PAUSE_SECONDS * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE_SECONDS)
        pause = longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        return max(pause, _GIVE_WAY_SECONDS) if isinstance(reasons[0], PublishFailed) else pause


def _kind(reason: BaseException) -> str:
    if isinstance(reason, PublishFailed):
        return reason.kind
    return "leadership" if isinstance(reason, LeadershipLost) else "store"


def _leaves(group: BaseExceptionGroup[Exception]) -> list[BaseException]:
    leaves: list[BaseException] = []
    for each in group.exceptions:
        leaves += _leaves(each) if isinstance(each, BaseExceptionGroup) else [each]
    return leaves
