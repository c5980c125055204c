"""Keeps exactly one housekeeper at work, which spares the others the trouble; two at once would do no harm."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from taskmanager.application.leadership import Leadership, LeadershipLost, Term
from taskmanager.application.office import Office
from taskmanager.application.ports import Pulse, StoreError
from taskmanager.application.waiting import is_set_within

log = structlog.get_logger(__name__)

_STANDBY_SECONDS = 0.5
_AFTER_FAILURE_SECONDS = 1.0
_BEAT_SECONDS = 1.0


class LeadMetrics(Protocol):
    """What is told of a leader."""

    def leads(self, is_leader: bool) -> None:
        """Whether this process is the one at work."""


class LeadHousekeeping:
    """Campaigns, works round after round while in office, `interval` seconds apart, and campaigns again.

    What is done `beside` that may take long: it is cancelled at the end of the term, and waited for.
    """

    def __init__(
        self,
        leadership: Leadership,
        work: Callable[[Callable[[], bool]], Awaitable[object]],
        beside: Callable[[], Awaitable[object]],
        metrics: LeadMetrics,
        pulse: Pulse,
        *,
        interval: float,
        stopping: asyncio.Event,
    ) -> None:
        self._leadership = leadership
        self._work = work
        self._beside = beside
        self._metrics = metrics
        self._pulse = pulse
        self._interval = interval
        self._stopping = stopping
        self._stands_by = False

    async def run(self) -> None:
        """Works until it is told to stop; the round in hand ends with the rule in hand."""
        while not self._stopping.is_set():
            self._pulse.beat()
            pause = _STANDBY_SECONDS
            try:
                term = await self._leadership.try_acquire()
                if term is not None:
                    await self._serve(term)
                elif not self._stands_by:
                    self._stands_by = True
                    log.info("housekeeper_stands_by: another one leads")
            except* (StoreError, LeadershipLost) as failures:
                log.warning("housekeeper_steps_down", error=str(failures.exceptions[0]))
                pause = _AFTER_FAILURE_SECONDS
            await self._sleep(pause)

    async def _serve(self, term: Term) -> None:
        self._stands_by = False
        office = Office(self._leadership, term)
        log.info("housekeeper_leads", epoch=term.epoch)
        self._metrics.leads(True)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(office.hold())
                beside = group.create_task(self._work_beside())
                while not self._stopping.is_set():
                    await self._work(lambda: not self._stopping.is_set())
                    await self._rest()
                beside.cancel()
                await asyncio.wait([beside])
                office.leave()
        finally:
            self._metrics.leads(False)
            await self._leadership.resign()

    async def _work_beside(self) -> None:
        while not self._stopping.is_set():
            await self._beside()
            await self._sleep(self._interval)

    async def _rest(self) -> None:
        """The pause between two rounds may be longer than a process may be silent."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._interval
        while not self._stopping.is_set() and (left := end - loop.time()) > 0:
            self._pulse.beat()
            await self._sleep(min(left, _BEAT_SECONDS))

    async def _sleep(self, seconds: float) -> None:
        await is_set_within(self._stopping, seconds)
