"""/api/health: 200 while the service can do its work, 503 while it cannot."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from aiohttp import hdrs, web

from taskmanager.api.rest.call import Call
from taskmanager.application.use_cases.health import CheckResult, HealthChecks


@dataclass(slots=True)
class ServiceState:
    """What this process is, and whether it still takes work."""

    name: str
    version: str
    started_at: float  # of time.monotonic()
    is_draining: bool = False


class HealthController:
    """Answers probes and people; a probe for life asks nobody, the others ask the dependencies.

    `checks` are of all dependencies, `essential` names those without which no request can be served, `details` are
    figures for people, `circuits` the states of the circuit breakers, and `is_overloaded` tells of more work in hand
    than should come.
    """

    def __init__(
        self,
        checks: HealthChecks,
        service: ServiceState,
        circuits: Callable[[], Mapping[str, str]] = dict,
        *,
        essential: Sequence[str] = ("database",),
        details: HealthChecks | None = None,
        is_overloaded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._checks = checks
        self._service = service
        self._circuits = circuits
        self._essential = essential
        self._details = details
        self._is_overloaded = is_overloaded

    async def overall(self, _call: Call[None, None]) -> web.Response:
        """Whether the whole service works: 503 names the dependency that is to blame.

        A dependency without which requests can still be served counts here, and does not at /api/health/ready.
        """
        results = await self._checks.run_all()
        return self._answer(
            all(result.healthy for result in results),
            checks={result.name: _word(result.healthy) for result in results},
        )

    async def detailed(self, _call: Call[None, None]) -> web.Response:
        """Each dependency with its latency, and the figures behind: pool, connections, breakers, lag, processes.

        A figure that cannot be had tells why and makes nothing unhealthy.
        """
        results, figures = await asyncio.gather(self._checks.run_all(), self._figures())
        healthy = all(result.healthy for result in results)
        return self._answer(healthy, checks=_findings(results), circuits=self._circuits(), details=figures)

    async def live(self, _call: Call[None, None]) -> web.Response:
        """The process turns its event loop: restarting it would help nobody. Asks no dependency."""
        return self._answer(healthy=True)

    async def ready(self, _call: Call[None, None]) -> web.Response:
        """Whether requests should be sent here now: the database answers, and the process is not stopping.

        Kafka away does not make it unready, for no request needs it.
        """
        results = await asyncio.gather(*(self._checks.run(name) for name in self._essential))
        overloaded, draining = self._is_overloaded(), self._service.is_draining
        return self._answer(
            not draining and not overloaded and all(result.healthy for result in results),
            draining=draining,
            overloaded=overloaded,
            checks={result.name: _word(result.healthy) for result in results},
        )

    async def service(self, _call: Call[None, None]) -> web.Response:
        """This process alone."""
        return self._answer(not self._service.is_draining, draining=self._service.is_draining)

    async def database(self, _call: Call[None, None]) -> web.Response:
        """PostgreSQL alone."""
        return await self._one("database")

    async def kafka(self, _call: Call[None, None]) -> web.Response:
        """Kafka alone."""
        return await self._one("kafka")

    async def _figures(self) -> Mapping[str, object]:
        results = await self._details.run_all() if self._details is not None else ()
        return {result.name: result.detail for result in results}

    async def _one(self, name: str) -> web.Response:
        result = await self._checks.run(name)
        return self._answer(result.healthy, checks=_findings([result]))

    def _answer(self, healthy: bool, **members: object) -> web.Response:
        document = {
            "status": _word(healthy),
            "timestamp": datetime.now(UTC),
            "service": self._service.name,
            "version": self._service.version,
            "uptimeSeconds": round(time.monotonic() - self._service.started_at, 1),
            **members,
        }
        return web.Response(
            body=orjson.dumps(document, option=orjson.OPT_UTC_Z),
            status=200 if healthy else 503,
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )


def _word(healthy: bool) -> str:
    return "healthy" if healthy else "unhealthy"


def _findings(results: Sequence[CheckResult]) -> dict[str, object]:
    return {
        result.name: {
            "status": _word(result.healthy),
            "responseTimeMs": result.milliseconds,
            **result.detail,
        }
        for result in results
    }
