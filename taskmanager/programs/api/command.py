"""`taskmanager api`."""

import gc
import sys

import click

from taskmanager.programs.api.application import ApiApplication
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.launch import launch
from taskmanager.server import ExitCode

# Objects of requests die by their reference counts; a full collection takes 40 ms, during which nobody is answered.
_GC_OBJECTS = 50_000
_SWITCH_SECONDS = 0.0002


@click.command(name="api")
@click.option(
    "--slot", type=click.IntRange(0, 99), default=0, show_default=True, help="Number among the API processes."
)
def command(slot: int) -> ExitCode:
    """Serve the REST interface, health checks and metrics.

    Listens on APP_HOST:APP_PORT; several processes (API_PROCESSES) share the port. Starts without PostgreSQL and Kafka
    and tells so at /api/health until they are there.
    """
    _tune_interpreter()
    name = f"api-{slot:02d}"
    return launch("api", lambda settings: ApiApplication(ApplicationFactory(settings, name)), slot=name)


def _tune_interpreter() -> None:
    """Lets the garbage collector leave what was imported alone and come seldom, and threads take turns quickly."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_OBJECTS, 20, 20)
    # The thread that talks to PostgreSQL needs the interpreter for moments only; callers wait for it.
    sys.setswitchinterval(_SWITCH_SECONDS)
