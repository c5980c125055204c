"""The metrics program: one page for the whole container."""

import click
from aiohttp import hdrs, web

from taskmanager.infrastructure.metrics.exposition import CONTENT_TYPE, Exposition
from taskmanager.infrastructure.postgres.metrics import PostgresFigures
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.http_server import HttpServer
from taskmanager.programs.launch import launch
from taskmanager.server import ExitCode

_CONNECTIONS = 2
_DRAIN_SECONDS = 2.0


class MetricsApplication:
    """Serves `/metrics` to Prometheus."""

    def __init__(self, factory: ApplicationFactory) -> None:
        self._pool = factory.read_pool(size=_CONNECTIONS)
        self._probe = factory.kafka_probe()
        exposition = factory.exposition(PostgresFigures(self._pool), self._probe)
        observability = factory.settings.observability
        self._server = HttpServer(
            metrics_page(exposition),
            observability.metrics_host,
            observability.metrics_port,
            share_port=False,
            drain_seconds=_DRAIN_SECONDS,
        )

    async def start(self) -> None:
        """Listens; no source need be there yet."""
        await self._server.start()

    async def wait(self) -> None:
        """Returns when the server was stopped."""
        await self._server.wait()

    async def stop(self) -> None:
        """Stops listening and closes the connections."""
        await self._server.stop()
        await self._pool.close()
        await self._probe.close()


def metrics_page(exposition: Exposition) -> web.Application:
    """The page at /metrics."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=await exposition.page(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE})

    application = web.Application()
    application.router.add_get("/metrics", page)
    return application


@click.command(name="metrics")
def command() -> ExitCode:
    """Serve the metrics of all processes at one address.

    Prometheus scrapes http://METRICS_HOST:METRICS_PORT/metrics: what the processes of this container count (in the
    files of PROMETHEUS_MULTIPROC_DIR), the lag of every partition, tasks by status, and the state of every process.
    A source that does not answer is left out and shown by taskmanager_metrics_source_up.
    """
    return launch("metrics", lambda settings: MetricsApplication(ApplicationFactory(settings, "metrics")))
