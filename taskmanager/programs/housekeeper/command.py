"""`taskmanager housekeeper`."""

import sys
from collections.abc import Sequence

import click
import uvloop

from taskmanager.application.ports import StoreError, StoreUnavailable
from taskmanager.config.settings import Settings, load_settings
from taskmanager.infrastructure.pulse import Pulse
from taskmanager.infrastructure.telemetry.logging import configure_logging
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.housekeeper.application import NAME, HousekeeperApplication
from taskmanager.programs.housekeeper.household import RULES, Household
from taskmanager.programs.housekeeper.once import Pass, as_json, as_text, run_once
from taskmanager.programs.launch import launch
from taskmanager.server import ExitCode


@click.command(name=NAME)
@click.option("--once", is_flag=True, help="Apply the rules once, say what each did, and end.")
@click.option(
    "--rule",
    "names",
    type=click.Choice(RULES),
    multiple=True,
    help="With --once: only this rule; may be repeated.  [default: all]",
)
@click.option("--dry-run", is_flag=True, help="With --once: say what each rule would do, and change nothing.")
@click.option("--json", "as_object", is_flag=True, help="With --once: print one JSON object, for machines.")
def command(once: bool, names: Sequence[str], dry_run: bool, as_object: bool) -> ExitCode:
    """Apply the rules that go by time.

    \b
    stuck-tasks       a task in progress for TASK_TIMEOUT, or without a sign of life from its worker for
                      TASK_HEARTBEAT_TIMEOUT, starts again after a pause (TASK_RETRY_BACKOFF), or fails for good
                      when it has been tried TASK_MAX_ATTEMPTS times
    parked-reports    a report whose task did not appear within PARKED_STATUS_TTL becomes a dead letter
    partitions        partitions of the event log are made ahead
    idempotency-keys  keys that have expired are deleted
    bulk-operations   operations on many tasks that were over BULK_RETENTION_DAYS ago are deleted
    task-counters     what several writers have counted of an hour is added up a day later
    retention         history that is settled and older than RETENTION_DAYS goes to RETENTION_ARCHIVE_DIR

    The first two go by what has been read of both topics, not by the clock on the wall: while messages wait in Kafka
    nobody is given up, because the report that matters may be among them. After Kafka was away, or behind, workers are
    given as long to be heard again (at most TASK_HEARTBEAT_TIMEOUT, reports PARKED_STATUS_TTL).

    Without --once it works on and on, every HOUSEKEEPING_INTERVAL. Start it once per container: one works, and another
    takes over within seconds of its end. --once may be used beside it at any time, but knows of no outage that was over
    when it began: after one, leave the first two rules to the program.

    \b
    Exits (with --once) with 0, with 75 if the database does not answer, with 70 if a rule failed otherwise.

    \b
    Examples:
      taskmanager housekeeper
      taskmanager housekeeper --once --dry-run
      taskmanager housekeeper --once --rule retention --json
    """
    if not once:
        if names or dry_run or as_object:
            raise click.UsageError("--rule, --dry-run and --json need --once")
        return launch(NAME, lambda settings: HousekeeperApplication(ApplicationFactory(settings, NAME)), slot=NAME)
    settings = load_settings()
    # stdout is for the answer.
    configure_logging(NAME, level="warning", secrets=settings.secret_values(), stream=sys.stderr.buffer)
    try:
        made = uvloop.run(_once(settings, names, dry_run=dry_run))
    except StoreError as error:
        click.echo(f"error: {error}", err=True)
        return ExitCode.TEMPORARY
    click.echo(as_json(made) if as_object else as_text(made))
    errors = [result.error for result in made.results if result.error is not None]
    if not errors:
        return ExitCode.OK
    return ExitCode.TEMPORARY if all(isinstance(error, StoreUnavailable) for error in errors) else ExitCode.INTERNAL


async def _once(settings: Settings, names: Sequence[str], *, dry_run: bool) -> Pass:
    household = Household(ApplicationFactory(settings, NAME), Pulse(None))
    try:
        rules = [rule for rule in (*household.rules, *household.long_rules) if not names or rule.name in names]
        return await run_once(household.ingestion_clock, rules, dry_run=dry_run)
    finally:
        await household.close()
