"""Tries a request again where that is safe and may help."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar

from taskmanager.client.errors import RateLimited, RequestFailed, TaskManagerError, Unavailable, Unreachable

_T = TypeVar("_T")

Sleep = Callable[[float], Awaitable[None]]
Told = Callable[[TaskManagerError, float], None]


class RetryPolicy(NamedTuple):
    """How often a request is tried, and how long the pauses are (seconds).

    Pauses begin with `first_pause` and double up to `longest_pause`; each is shortened at random by up to a half, so
    that clients do not come back together. A `Retry-After` is kept to; one above `longest_wait` ends the tries.
    """

    attempts: int = 6
    first_pause: float = 0.2
    longest_pause: float = 10.0
    longest_wait: float = 60.0

    def pause(self, failures: int, asked: float | None) -> float:
        """How long to wait after so many failures; `asked` is what the server wants at least."""
        pause = min(self.first_pause * 2.0 ** (failures - 1), self.longest_pause)
        jittered = pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, hides nothing
        return jittered if asked is None else max(jittered, asked + jittered / 2)


class Retrying:
    """Makes attempts as a policy says; `told` hears of each pause and its cause."""

    def __init__(self, policy: RetryPolicy, *, told: Told | None = None, sleep: Sleep = asyncio.sleep) -> None:
        self.policy = policy
        self.sleep = sleep
        self._told = told

    async def __call__(self, attempt: Callable[[], Awaitable[_T]], *, is_repeatable: bool) -> _T:
        """The answer of the first attempt that has one; raises the error of the last.

        A request that is not `is_repeatable` is tried again only where the one before certainly had no effect.
        """
        failures, after_unknown = 0, False
        while True:
            try:
                return await attempt()
            except TaskManagerError as error:
                failures += 1
                if isinstance(error, RequestFailed):
                    error.after_unknown = after_unknown
                asked = error.retry_after if isinstance(error, RequestFailed) else None
                if failures >= self.policy.attempts or not _may_help(error, is_repeatable=is_repeatable):
                    raise
                if asked is not None and asked > self.policy.longest_wait:
                    raise
                after_unknown = after_unknown or is_unknown(error)
                pause = self.policy.pause(failures, asked)
                if self._told is not None:
                    self._told(error, pause)
            await self.sleep(pause)


def is_passing(error: TaskManagerError) -> bool:
    """Whether the same may work later."""
    return isinstance(error, Unreachable | RateLimited | Unavailable)


def is_unknown(error: TaskManagerError) -> bool:
    """Whether the request may have had its effect all the same."""
    return error.may_have_arrived if isinstance(error, Unreachable) else isinstance(error, Unavailable)


def _may_help(error: TaskManagerError, *, is_repeatable: bool) -> bool:
    return is_passing(error) and (is_repeatable or not is_unknown(error))


def retry_after(text: str | None) -> float | None:
    """The seconds that a Retry-After header means, be it a number or a date; None for none that can be read."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
