"""Commands that do one piece of work on the database and end."""

import sys
from collections.abc import Awaitable, Callable

import click
import uvloop

from taskmanager.application.ports import StoreError
from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.telemetry.logging import configure_logging
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.server import ExitCode

_SCHEMA_MISMATCH = "42"  # the class of SQLSTATEs for tables and rights that are not there


def run_one_shot(name: str, work: Callable[[ApplicationFactory], Awaitable[int]]) -> int:
    """Does the work with the settings of the environment; answers its exit code, or that of its failure."""
    settings = load_settings()
    configure_logging(
        name, level=settings.observability.log_level, secrets=settings.secret_values(), stream=sys.stderr.buffer
    )

    async def working() -> int:
        return await work(ApplicationFactory(settings, name))

    try:
        return uvloop.run(working())
    except StoreError as error:
        is_schema = getattr(error, "kind", None) == _SCHEMA_MISMATCH
        click.echo(f"error: {error}{'; run: taskmanager migrate' if is_schema else ''}", err=True)
        return ExitCode.INTERNAL if is_schema else ExitCode.TEMPORARY
