"""`taskmanager guard`."""

import os
from functools import partial
from pathlib import Path

import click
import structlog

from taskmanager.config.settings import Settings
from taskmanager.infrastructure.consumer_count import FILE_NAME, ConsumerCount
from taskmanager.infrastructure.metrics.gauge_files import forget_gauges
from taskmanager.infrastructure.pulse import DIRECTORY, Pulse
from taskmanager.infrastructure.supervisor import Supervisor
from taskmanager.programs.guard.application import GuardApplication, keep_stdout
from taskmanager.programs.guard.kill import kill_hung
from taskmanager.programs.guard.verdict import Limits
from taskmanager.programs.guard.watch import Watch
from taskmanager.programs.launch import launch
from taskmanager.server import ExitCode

_ANSWER_SECONDS = 3.0

_log = structlog.get_logger(__name__)


@click.command(name="guard")
def command() -> ExitCode:
    """Keep the other programs going, and end the container when one cannot be kept alive.

    An event listener of supervisord (see supervisord.conf), of no use by itself.

    \b
    - As many consumers run as bin/scale asked for last, else CONSUMER_PROCESSES.
    - A consumer or relay that makes no progress for GUARD_HANG seconds is killed; supervisord starts another.
    - A program that supervisord gave up (FATAL), that ended GUARD_MAX_EXITS times within GUARD_WINDOW seconds, each
      within GUARD_YOUNG seconds of its start, or that hung as often, stops supervisord; the reason is left in
      TASKMANAGER_RUN_DIR for bin/entrypoint, which then exits non-zero.
    """
    directory = os.environ.get("TASKMANAGER_RUN_DIR")
    url = os.environ.get("SUPERVISOR_SERVER_URL")
    if not directory or not url:
        raise click.UsageError("the guard is started by supervisord; run bin/entrypoint")
    protocol = keep_stdout()
    return launch("guard", lambda settings: _compose(settings, Path(directory), url, protocol))


def _compose(settings: Settings, run_directory: Path, supervisor_url: str, protocol: int) -> GuardApplication:
    app, database = settings.app, settings.database
    if app.guard_hang <= database.query_timeout + database.connection_timeout:
        _log.warning(
            "guard_hang_is_short",
            detail="a consumer that waits for one slow statement will count as hung",
            remedy="set GUARD_HANG above POSTGRES_QUERY_TIMEOUT + POSTGRES_CONNECTION_TIMEOUT",
        )
    # Not by the factory: the consumers wait for this program's start, which what the factory imports would double.
    pulses, metrics = run_directory / DIRECTORY, settings.observability.prometheus_multiproc_dir
    watch = Watch(
        Supervisor(supervisor_url, timeout=_ANSWER_SECONDS),
        ConsumerCount(run_directory / FILE_NAME, app.consumer_processes),
        pulses,
        hang=app.guard_hang,
        kill=kill_hung,
        forget=partial(forget_gauges, directory=Path(metrics)) if metrics else lambda _name: None,
    )
    limits = Limits(app.guard_max_exits, app.guard_window, app.guard_young, app.guard_hang)
    pulse = Pulse(pulses / "guard")
    return GuardApplication(limits, watch.look, pulse.beat, protocol=protocol, run_directory=run_directory)
