"""Tries again, with growing and jittered pauses, what a store may do later."""

from collections.abc import Awaitable, Callable
from typing import Generic, ParamSpec, TypeVar

import stamina
import structlog

from taskmanager.infrastructure.resilience.circuit_breaker import CircuitOpen

log = structlog.get_logger(__name__)

# Its default hooks would log every failure a second time and count it in a series per attempt.
stamina.instrumentation.set_on_retry_hooks(())

_JITTER_SECONDS = 0.5

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


class Stopped(Exception):  # noqa: N818
    """Gave up because the process is stopping; nothing was done."""


class RetryUnavailable(Generic[_Arguments, _Answer]):
    """Calls `inner` until it raises none of the errors `on`; raises `Stopped` once `stopping()` holds.

    The pauses begin with `first_pause` and double up to `longest_pause`, with jitter (seconds); after a call that a
    circuit breaker refused the pause is the breaker's, if that is not longer. `retried` hears of each failure, by its
    class: the error's `kind` where it has one.
    """

    def __init__(
        self,
        inner: Callable[_Arguments, Awaitable[_Answer]],
        *,
        on: tuple[type[Exception], ...],
        stopping: Callable[[], bool],
        retried: Callable[[str], None],
        first_pause: float = 0.1,
        longest_pause: float = 3.0,
    ) -> None:
        self._inner = inner
        self._on = on
        self._stopping = stopping
        self._retried = retried
        self._first_pause = first_pause
        self._longest_pause = longest_pause

    async def __call__(self, *arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        """See the class."""
        async for attempt in stamina.retry_context(
            on=self._again,
            attempts=None,
            timeout=None,
            wait_initial=self._first_pause,
            wait_max=self._longest_pause,
            wait_jitter=min(self._longest_pause, _JITTER_SECONDS),
        ):
            with attempt:
                if self._stopping():
                    raise Stopped
                try:
                    return await self._inner(*arguments, **named)
                except self._on as error:
                    self._retried(getattr(error, "kind", "unavailable"))
                    # The breaker has told of the outage; that it refuses the calls meanwhile is no news.
                    if not isinstance(error, CircuitOpen):
                        log.warning("unavailable_trying_again", attempt=attempt.num, error=str(error))
                    raise
        raise AssertionError("unreachable: the attempts do not end")

    def _again(self, error: Exception) -> bool | float:
        """Whether to try again, or after how many seconds."""
        if not isinstance(error, self._on):
            return False
        return min(max(error.retry_after, 0.0), self._longest_pause) if isinstance(error, CircuitOpen) else True
