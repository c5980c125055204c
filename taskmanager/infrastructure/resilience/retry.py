"""Tries again, with growing and jittered pauses, what a store may do later."""

from collections.abc import Awaitable, Callable
from typing import Generic, ParamSpec, TypeVar

import stamina
import structlog

log = structlog.get_logger(__name__)

# Its default hooks would log every failure a second time and count it in a series per attempt.
stamina.instrumentation.set_on_retry_hooks(())

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


class Stopped(Exception):  # noqa: N818
    """Gave up because the process is stopping; nothing was done."""


class RetryUnavailable(Generic[_Arguments, _Answer]):
    """Calls `inner` until it raises none of the errors `on`; raises `Stopped` once `stopping()` holds.

    `retried` hears of each failure, by its class: the error's `kind` where it has one.
    """

    def __init__(
        self,
        inner: Callable[_Arguments, Awaitable[_Answer]],
        *,
        on: tuple[type[Exception], ...],
        stopping: Callable[[], bool],
        retried: Callable[[str], None],
    ) -> None:
        self._inner = inner
        self._on = on
        self._stopping = stopping
        self._retried = retried

    async def __call__(self, *arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        """See the class."""
        async for attempt in stamina.retry_context(
            on=self._on, attempts=None, timeout=None, wait_initial=0.1, wait_max=3.0, wait_jitter=0.5
        ):
            with attempt:
                if self._stopping():
                    raise Stopped
                try:
                    return await self._inner(*arguments, **named)
                except self._on as error:
                    self._retried(getattr(error, "kind", "unavailable"))
                    log.warning("unavailable_trying_again", attempt=attempt.num, error=str(error))
                    raise
        raise AssertionError("unreachable: the attempts do not end")
