"""`taskmanager guard`."""

import os
from pathlib import Path

import click

from taskmanager.config.settings import Settings
from taskmanager.programs.guard.application import GuardApplication, keep_stdout
from taskmanager.programs.guard.verdict import Limits
from taskmanager.programs.launch import launch
from taskmanager.server import ExitCode


@click.command(name="guard")
def command() -> ExitCode:
    """End the container when a program cannot be kept alive.

    An event listener of supervisord (see supervisord.conf), of no use by itself. A program that supervisord gave up
    (FATAL), or that ended GUARD_MAX_EXITS times within GUARD_WINDOW seconds, each within GUARD_YOUNG seconds of its
    start, stops supervisord; the reason is left in TASKMANAGER_RUN_DIR for bin/entrypoint, which then exits non-zero.
    """
    directory = os.environ.get("TASKMANAGER_RUN_DIR")
    if not directory or "SUPERVISOR_SERVER_URL" not in os.environ:
        raise click.UsageError("the guard is started by supervisord; run bin/entrypoint")
    protocol = keep_stdout()

    def build(settings: Settings) -> GuardApplication:
        limits = Limits(settings.app.guard_max_exits, settings.app.guard_window, settings.app.guard_young)
        return GuardApplication(limits, protocol=protocol, run_directory=Path(directory))

    return launch("guard", build)
