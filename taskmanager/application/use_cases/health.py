"""Whether the service can do its work: asks each dependency, not too long and not too often."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

Check = Callable[[], Awaitable[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found; `detail` holds figures of a healthy dependency or the `error` of another."""

    name: str
    healthy: bool
    milliseconds: float
    detail: Mapping[str, object]


class HealthChecks:
    """Runs named checks; each answer is kept for `cache_seconds`, each check given up after `timeout_seconds`.

    Callers that ask at the same moment share one run.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        timeout_seconds: float,
        cache_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = checks
        self._timeout = timeout_seconds
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._locks = {name: asyncio.Lock() for name in checks}
        self._results: dict[str, tuple[CheckResult, float]] = {}

    @property
    def names(self) -> Sequence[str]:
        """The checks there are."""
        return tuple(self._checks)

    async def run(self, name: str) -> CheckResult:
        """The outcome of one check; raises `KeyError` for an unknown name and never what the check raises."""
        async with self._locks[name]:
            known = self._results.get(name)
            if known is not None and self._clock() - known[1] < self._cache_seconds:
                return known[0]
            result = await self._run(name)
            self._results[name] = (result, self._clock())
            return result

    async def run_all(self) -> Sequence[CheckResult]:
        """The outcomes of all checks, made side by side."""
        return await asyncio.gather(*(self.run(name) for name in self._checks))

    async def _run(self, name: str) -> CheckResult:
        began = self._clock()
        healthy = False
        detail: Mapping[str, object]
        try:
            async with asyncio.timeout(self._timeout):
                detail = await self._checks[name]()
            healthy = True
        except TimeoutError:
            detail = {"error": f"no answer within {self._timeout:g} s"}
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its finding
            detail = {"error": str(error) or type(error).__name__}
        return CheckResult(name, healthy, round((self._clock() - began) * 1000, 1), detail)
