"""Spares a dependency that is away, and those who would wait for it: calls are refused at once for a while."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from random import random

import structlog

log = structlog.get_logger(__name__)

_JITTER = 0.25


class Circuit(IntEnum):
    """The state of a breaker, as metrics show it."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class CircuitOpen(Exception):  # noqa: N818
    """A call was refused without being made; after `retry_after` seconds another one may be let through."""

    retry_after: float


class CircuitBreaker:
    """Refuses the calls to one dependency from the `failures`th failure in a row on, until it answers again.

    After `pause` seconds (a quarter more or less, so that processes do not come all at once) one call is let through as
    a probe: its success lets all others pass again, its failure begins another pause; one that was cancelled leaves its
    place to the next. `is_outage` tells failures from errors with which the dependency has answered; `refusal` makes
    the error of a refused call from its text and `retry_after`. Not for use by several threads.
    """

    def __init__(
        self,
        dependency: str,
        *,
        failures: int,
        pause: float,
        is_outage: Callable[[Exception], bool],
        refusal: Callable[[str, float], Exception],
        on_change: Callable[[str, Circuit], None] = lambda _dependency, _circuit: None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random,
    ) -> None:
        self.dependency = dependency
        self._most = failures
        self._pause = pause
        self._is_outage = is_outage
        self._refusal = refusal
        self._on_change = on_change
        self._clock = clock
        self._chance = chance
        self._circuit = Circuit.CLOSED
        # What calls that were let through in an earlier state come to says nothing about this one.
        self._era = 0
        self._failures = 0
        self._is_probing = False
        self._probe_at = 0.0
        self._problem = ""

    @property
    def circuit(self) -> Circuit:
        """The state; an open one becomes half-open with the call that is its probe."""
        return self._circuit

    @contextmanager
    def admission(self, *, counts_success: bool = True, counts_failure: bool = True) -> Iterator[None]:
        """Surrounds one call; raises the refusal instead of letting it begin.

        What does not count changes nothing: a probe that came to that leaves its place to the next call.
        """
        era = self._admit()
        try:
            yield
        except Exception as error:
            failure = (str(error) or type(error).__name__) if self._is_outage(error) else None
            if counts_success if failure is None else counts_failure:
                self._came_to(era, failure=failure)
            else:
                self._leave(era)
            raise
        except BaseException:
            self._leave(era)
            raise
        if counts_success:
            self._came_to(era, failure=None)
        else:
            self._leave(era)

    def _leave(self, era: int) -> None:
        if era == self._era:
            self._is_probing = False

    def _admit(self) -> int:
        if self._circuit is Circuit.OPEN and self._clock() >= self._probe_at:
            self._enter(Circuit.HALF_OPEN)
        if self._circuit is Circuit.OPEN or self._is_probing:
            after = self._pause * _JITTER if self._is_probing else self._probe_at - self._clock()
            raise self._refusal(f"{self.dependency} is taken to be away, because of: {self._problem}", after)
        self._is_probing = self._circuit is Circuit.HALF_OPEN
        return self._era

    def _came_to(self, era: int, *, failure: str | None) -> None:
        if era != self._era:
            return
        if failure is None:
            self._failures = 0
            if self._circuit is Circuit.HALF_OPEN:
                self._enter(Circuit.CLOSED)
                log.info("circuit_closed", dependency=self.dependency)
            return
        self._failures += 1
        self._problem = failure
        if self._circuit is Circuit.HALF_OPEN or self._failures >= self._most:
            if self._circuit is Circuit.CLOSED:
                log.warning("circuit_opened", dependency=self.dependency, failures=self._failures, error=failure)
            self._probe_at = self._clock() + self._pause * (1 - _JITTER + 2 * _JITTER * self._chance())
            self._enter(Circuit.OPEN)

    def _enter(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._era += 1
        self._failures = 0
        self._is_probing = False
        self._on_change(self.dependency, circuit)
