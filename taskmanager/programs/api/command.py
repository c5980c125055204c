"""`taskmanager api`."""

import click

from taskmanager.programs.api.application import ApiApplication
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.launch import launch
from taskmanager.server import ExitCode


@click.command(name="api")
@click.option(
    "--slot", type=click.IntRange(0, 99), default=0, show_default=True, help="Number among the API processes."
)
def command(slot: int) -> ExitCode:
    """Serve the REST interface, health checks and metrics.

    Listens on APP_HOST:APP_PORT; several processes (API_PROCESSES) share the port. Starts without PostgreSQL and Kafka
    and tells so at /api/health until they are there.
    """
    name = f"api-{slot:02d}"
    return launch("api", lambda settings: ApiApplication(ApplicationFactory(settings, name)), slot=name)
