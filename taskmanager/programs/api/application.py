"""The REST program: what it is composed of, and in which order that starts and stops."""

from collections.abc import Mapping

from taskmanager.api.rest.application import rest_application
from taskmanager.api.rest.metrics import MetricsController
from taskmanager.api.rest.openapi.controller import DocumentationController
from taskmanager.api.rest.openapi.document import openapi_document
from taskmanager.api.rest.routes import Controllers, routes
from taskmanager.application.use_cases.task_metrics import CountTasks
from taskmanager.infrastructure.metrics.exposition import CONTENT_TYPE
from taskmanager.infrastructure.metrics.instruments import HttpMetrics
from taskmanager.infrastructure.postgres.metrics import PostgresFigures
from taskmanager.programs.api.access import CallerAccess
from taskmanager.programs.api.bulk import BulkOperations
from taskmanager.programs.api.edge import edge, http_server, limited
from taskmanager.programs.api.feed import EventFeed
from taskmanager.programs.api.health import ServiceHealth
from taskmanager.programs.api.letters import Letters
from taskmanager.programs.api.reading import Reading
from taskmanager.programs.api.writing import Writing
from taskmanager.programs.factory import ApplicationFactory

_RESERVED_CONNECTIONS = 2


class ApiApplication:
    """Serves the REST interface."""

    def __init__(self, factory: ApplicationFactory) -> None:
        settings = factory.settings
        factory.share_metrics()
        most = settings.database.max_connections
        # However long people's lists take, callers are recognised and health is told, if there are enough for that.
        reserved = _RESERVED_CONNECTIONS if most > _RESERVED_CONNECTIONS else 0
        self._pool = factory.read_pool(size=most - reserved)
        self._reserved = factory.read_pool(size=reserved) if reserved else self._pool
        self._probe = factory.kafka_probe()
        figures = PostgresFigures(self._pool)
        reading = Reading(self._pool)
        self._feed = EventFeed(factory, self._pool)
        self._writing = Writing(factory)
        self._bulk = BulkOperations(factory, self._pool, self._writing.metrics)
        self._letters = Letters(factory, self._pool)
        self._health = ServiceHealth(
            factory,
            self._reserved,
            self._probe,
            self._pool.usage,
            lambda: self._server.figures(),  # made below
            is_overloaded=lambda: self._writing.is_full,
        )
        self._access = CallerAccess(factory, self._reserved)
        page = factory.exposition(figures, self._probe).page
        controllers = Controllers(
            tasks=reading.tasks,
            task_lists=reading.lists,
            task_history=reading.history,
            statistics=reading.statistics,
            task_writes=self._writing.tasks,
            task_batches=self._writing.batches,
            bulk=self._bulk.controller,
            dead_letters=self._letters.controller,
            events=self._feed.controller,
            metrics=MetricsController(page, CONTENT_TYPE, CountTasks(figures)),
            health=self._health.controller,
            documentation=DocumentationController(
                lambda: openapi_document(
                    table,
                    title=settings.app.name,
                    version=settings.app.version,
                    authenticated=self._access.is_authenticated,
                )
            ),
        )
        table = routes(controllers)
        application = rest_application(
            table,
            limited(self._access.gate, settings.rest),
            HttpMetrics(factory.registry),
            request_timeout=settings.app.request_timeout,
            is_traced=settings.observability.tracing_enabled,
            edge=edge(settings.rest, lambda: self._health.state.is_draining),
        )
        self._server = http_server(application, settings)

    async def start(self) -> None:
        """Listens; the dependencies need not be there yet."""
        self._access.start()
        self._writing.start()
        self._bulk.start()
        await self._server.start()

    async def wait(self) -> None:
        """Returns when the server was stopped."""
        await self._server.wait()

    async def health(self) -> Mapping[str, str]:
        """What it finds of its dependencies."""
        found = await self._health.checks.run_all()
        return {result.name: "ok" if result.healthy else str(result.detail["error"]) for result in found}

    async def stop(self) -> None:
        """Finishes the requests in hand, then closes the connections."""
        self._health.state.is_draining = True
        await self._feed.drain()
        await self._server.stop()
        await self._writing.stop()
        await self._bulk.stop()
        await self._letters.stop()
        await self._feed.close()
        await self._access.stop()
        await self._pool.close()
        await self._reserved.close()
        await self._probe.close()
