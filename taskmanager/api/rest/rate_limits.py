"""Token buckets: how often somebody may do something."""

import time
from collections.abc import Callable
from math import ceil
from typing import NamedTuple

# A request more or less is not worth a division's last bit.
_ROUNDING = 1e-9


class Grant(NamedTuple):
    """What became of a request for a token; times in seconds, `retry_after` is 0 where the token was granted."""

    allowed: bool
    remaining: int
    full_after: float
    retry_after: float


class TokenBuckets:
    """A bucket per key: `rate` tokens a second flow in, `burst` seconds' worth fit, at least one.

    At most `most` keys are remembered. The one that was not heard of for longest is forgotten first, and would begin
    again with a full bucket. `name` is what the `RateLimit` headers call the policy.
    """

    def __init__(
        self,
        name: str,
        *,
        rate: float,
        burst: float,
        most: int = 50_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        capacity = max(rate * burst, 1.0)
        self.name = name
        self.policy = f'"{name}";q={int(capacity)};w={ceil(capacity / rate)}'
        self._interval = 1 / rate
        self._tolerance = capacity / rate + _ROUNDING
        self._most = most
        self._clock = clock
        # When each bucket will be full again: all there is to know of one (the "generic cell rate algorithm").
        self._full_at: dict[str, float] = {}

    def take(self, key: str) -> Grant:
        """Takes a token out of the key's bucket if there is one."""
        now = self._clock()
        before = self._full_at.pop(key, now)
        after = max(before, now) + self._interval
        missing = after - now
        if missing > self._tolerance:
            self._full_at[key] = before
            return Grant(False, 0, before - now, missing - self._tolerance)
        self._full_at[key] = after  # as the last: the first is the one that was not heard of for longest
        if len(self._full_at) > self._most:
            del self._full_at[next(iter(self._full_at))]
        return Grant(True, int((self._tolerance - missing) / self._interval), missing, 0.0)

    def look(self, key: str) -> Grant:
        """What `take` would say, without taking anything."""
        now = self._clock()
        missing = max(self._full_at.get(key, now) - now, 0.0)
        left = int((self._tolerance - missing) / self._interval)
        wait = 0.0 if left else missing + self._interval - self._tolerance
        return Grant(left > 0, left, missing, wait)

    def state(self, grant: Grant) -> str:
        """The grant as an item of the `RateLimit` header field.

        Form of draft-ietf-httpapi-ratelimit-headers-10, https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
        """
        return f'"{self.name}";r={grant.remaining};t={ceil(grant.full_after)}'
