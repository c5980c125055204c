"""Reports that have waited for their task for too long become dead letters."""

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.ports import Clock
from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.rule import Done

_STRETCH = 500
_STRETCHES_PER_CALL = 20


class Expiry(NamedTuple):
    """What becomes of reports that were parked at or before `parked_until`."""

    parked_until: datetime
    reason: DeadLetterReason
    detail: str


class ParkedStretch(NamedTuple):
    """Some parked reports in the order in which they came: the last one's id (None at the end), how many expire."""

    position: int | None
    expired: int


class WaitingReports(Protocol):
    """The parked reports; every method may raise a `StoreError`."""

    async def expire(self, expiry: Expiry, now: datetime, after: int, limit: int) -> ParkedStretch:
        """Looks at the next `limit` reports behind `after`; those that expire become dead letters, all at once.

        Only reports whose task is not there expire, and only those that nobody else has locked.
        """

    async def count_expired(self, expiry: Expiry) -> int:
        """How many would expire."""

    async def oldest(self) -> datetime | None:
        """When the first of those that wait was parked; None if there is none."""


class ParkedReports:
    """Ends the wait of reports that have been parked for `ttl` of ingested time, and whose task is not there."""

    name = "parked-reports"

    def __init__(self, reports: WaitingReports, clock: Clock, ttl: timedelta) -> None:
        self._reports = reports
        self._clock = clock
        self._ttl = ttl
        self._position = 0

    async def apply(self, reading: Reading) -> Done:
        """See `Rule.apply`; walks on through the reports where the last call ended."""
        time = reading.grants(self._ttl)
        if time is None:
            return Done()
        expired = 0
        for _ in range(_STRETCHES_PER_CALL):
            stretch = await self._reports.expire(self._expiry(time), self._clock.now(), self._position, _STRETCH)
            expired += stretch.expired
            self._position = stretch.position or 0
            if stretch.position is None:
                break
        return Done({"expired": expired}, more=self._position > 0)

    async def preview(self, reading: Reading) -> Done:
        """See `Rule.preview`."""
        time = reading.grants(self._ttl)
        if time is None:
            return Done()
        return Done({"expired": await self._reports.count_expired(self._expiry(time))})

    async def outlook(self, reading: Reading) -> str:
        """See `Rule.outlook`."""
        if obstacle := reading.obstacle(self._ttl):
            return f"no report expires: {obstacle}"
        oldest = await self._reports.oldest()
        if oldest is None:
            return "no report waits for its task"
        return f"the oldest report waits until {oldest + self._ttl:%Y-%m-%d %H:%M:%S} UTC"

    def _expiry(self, time: datetime) -> Expiry:
        detail = f"its task did not appear within {self._ttl.total_seconds():g} s"
        return Expiry(time - self._ttl, DeadLetterReason.UNKNOWN_TASK, detail)
