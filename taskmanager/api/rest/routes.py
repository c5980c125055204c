"""The one table of all routes."""

from collections.abc import Sequence

from aiohttp import web

from taskmanager.api.health.controller import HealthController
from taskmanager.api.rest.metrics import MetricsController
from taskmanager.api.rest.tasks import TaskController


def routes(tasks: TaskController, metrics: MetricsController, health: HealthController) -> Sequence[web.RouteDef]:
    """Every path that is answered, and by whom."""
    return [
        web.get("/api/tasks/{id}", tasks.get),
        web.get("/api/metrics", metrics.text),
        web.get("/api/metrics/json", metrics.json),
        web.get("/api/metrics/config", metrics.config),
        web.get("/api/health", health.overall),
        web.get("/api/health/live", health.live),
        web.get("/api/health/ready", health.ready),
        web.get("/api/health/detailed", health.detailed),
        web.get("/api/health/database", health.database),
        web.get("/api/health/kafka", health.kafka),
        web.get("/api/health/service", health.service),
    ]
