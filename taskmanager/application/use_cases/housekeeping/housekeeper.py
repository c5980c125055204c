"""One round of all rules that go by time."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog

from taskmanager.application.ports import Clock, Pulse, StoreError
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestionClock, Reading
from taskmanager.application.use_cases.housekeeping.rule import Done, Rule

log = structlog.get_logger(__name__)

_TELL_HELD_AFTER_SECONDS = 60.0
_NO_READING = Reading(None, None, "nobody has looked")


class Observer(Protocol):
    """Hears of every round."""

    def looked_at_clock(self, now: datetime, reading: Reading) -> None:
        """The clock was read."""

    def applied(self, rule: str, done: Done, seconds: float) -> None:
        """A rule was applied."""

    def failed(self, rule: str, seconds: float) -> None:
        """A rule failed."""


class Result(NamedTuple):
    """What a rule did in a round; `error` says why it did nothing or did not end."""

    rule: str
    done: Done
    error: Exception | None = None


class Housekeeper:
    """Applies rules in their order; one that fails never keeps the others from being applied.

    Those that may take long and do not go by ingested time, `long_rules`, have rounds of their own.
    """

    def __init__(
        self,
        ingestion_clock: IngestionClock,
        rules: Sequence[Rule],
        clock: Clock,
        observer: Observer,
        pulse: Pulse,
        *,
        long_rules: Sequence[Rule] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ingestion_clock = ingestion_clock
        self._rules = rules
        self._long_rules = long_rules
        self._clock = clock
        self._observer = observer
        self._pulse = pulse
        self._monotonic = monotonic
        self._held_since: float | None = None
        self._is_told = False

    async def round(self, *, may_go_on: Callable[[], bool] = lambda: True) -> list[Result]:
        """Applies each rule once, as long as it may go on; never raises but for what ends the process."""
        reading = await self._read_clock()
        results = []
        for rule in self._rules:
            self._pulse.beat()
            if not may_go_on():
                break
            results.append(await self._apply(rule, reading))
        return results

    async def long_round(self) -> list[Result]:
        """Applies each long rule once; it may be cancelled, and shows no life, which is for the other rounds to do."""
        return [await self._apply(rule, _NO_READING) for rule in self._long_rules]

    async def _read_clock(self) -> Reading:
        self._pulse.beat()
        now = self._clock.now()
        try:
            reading = await self._ingestion_clock.read()
        except StoreError as error:
            reading = Reading(None, None, f"the database does not answer: {error}")
        self._observer.looked_at_clock(now, reading)
        self._tell_held(reading)
        return reading

    def _tell_held(self, reading: Reading) -> None:
        """A moment's delay is nothing to speak of; a clock that stands still means that nobody is given up any more."""
        now = self._monotonic()
        if reading.time is not None:
            if self._is_told:
                log.info("ingestion_clock_goes_on")
            self._held_since, self._is_told = None, False
        elif self._held_since is None:
            self._held_since = now
        elif not self._is_told and now - self._held_since >= _TELL_HELD_AFTER_SECONDS:
            self._is_told = True
            log.warning("ingestion_clock_stands_still", reason=reading.problem, reached=reading.reached)

    async def _apply(self, rule: Rule, reading: Reading) -> Result:
        began = self._monotonic()
        try:
            done = await rule.apply(reading)
        except Exception as error:
            self._observer.failed(rule.name, self._monotonic() - began)
            if isinstance(error, StoreError):
                log.warning("rule_failed", rule=rule.name, error=str(error))
            else:
                log.exception("rule_failed", rule=rule.name)
            return Result(rule.name, Done(), error)
        self._observer.applied(rule.name, done, self._monotonic() - began)
        if done.affected:
            log.info("rule_applied", rule=rule.name, **done.effects)
        return Result(rule.name, done)
