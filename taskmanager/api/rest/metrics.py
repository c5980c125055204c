"""/api/metrics"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import orjson
from aiohttp import hdrs, web

from taskmanager.api.rest.call import Call
from taskmanager.application.use_cases.task_metrics import CountTasks

RANGES = (1, 6, 12, 24, 48, 72)
REFRESH_SECONDS = 15
HOURS_MAX = 24 * 366 * 10


class HoursQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The window of a figure."""

    hours: Annotated[
        float, msgspec.Meta(gt=0, le=HOURS_MAX, description="Length of the window, up to now.", examples=[24])
    ] = 24.0


class MetricsController:
    """Figures for Prometheus and for dashboards; `page` renders the former in the format that `content_type` names."""

    def __init__(self, page: Callable[[], Awaitable[bytes]], content_type: str, count_tasks: CountTasks) -> None:
        self._page = page
        self._content_type = content_type
        self._count_tasks = count_tasks

    async def text(self, _call: Call[None, None]) -> web.Response:
        """Prometheus' text format."""
        return web.Response(body=await self._page(), headers={hdrs.CONTENT_TYPE: self._content_type})

    async def json(self, call: Call[HoursQuery, None]) -> web.Response:
        """Tasks created in the last `hours` (default 24) by status; 400 where that is no positive number."""
        hours = call.query.hours
        counts = await self._count_tasks(hours)
        now = datetime.now(UTC)
        return _json(
            {
                "hours": hours,
                "from": now - timedelta(hours=hours),
                "to": now,
                "tasks": counts,
                "total": sum(counts.values()),
            }
        )

    async def config(self, _call: Call[None, None]) -> web.Response:
        """The windows that a dashboard offers, and how often it should ask."""
        return _json({"ranges": RANGES, "refreshSeconds": REFRESH_SECONDS})


def _json(document: dict[str, object]) -> web.Response:
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
    return web.Response(body=body, content_type="application/json", headers={hdrs.CACHE_CONTROL: "no-store"})
