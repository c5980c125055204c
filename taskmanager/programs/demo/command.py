"""`python -m taskmanager demo`, which `bin/run` calls."""

import sys
from pathlib import Path

import click
import orjson
import uvloop
from click.core import ParameterSource

from taskmanager.programs.demo.errors import BadFileError, WrongUsageError
from taskmanager.programs.demo.files import PlayFileError, check_file, regular_file
from taskmanager.programs.demo.options import GENTLE_RATE, Options
from taskmanager.programs.demo.session import Ending, Session
from taskmanager.programs.demo.view import choose_view
from taskmanager.programs.demo.workspace import STANDING


@click.command(name="demo", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--requests", "file", metavar="FILE.jsonl", help="Play this file (- for standard input) instead of the sample."
)
@click.option(
    "--once", is_flag=True, help="End when all that was sent is settled; print one JSON summary as the last line."
)
@click.option("--no-workers", is_flag=True, help="Send the requests only; nobody reports on them.")
@click.option("--idle", is_flag=True, help="Serve without playing anything.")
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 100_000),
    metavar="N",
    help=f"Requests a second [{GENTLE_RATE:.0f}; with --once as fast as can be].",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="What the workers do depends on this and on the ids."
)
@click.option("--consumers", type=click.IntRange(1, 12), default=2, show_default=True, help="Consumer processes.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="P", help="Port of the API [a free one].")
@click.option("--keep", is_flag=True, help="With --once: go on with the standing database and topics, and leave them.")
@click.option(
    "--workspace",
    default=STANDING,
    show_default=True,
    metavar="NAME",
    help="The standing database (and, for another than the default, the prefix of its topics).",
)
def command(
    *,
    file: str | None,
    once: bool,
    no_workers: bool,
    idle: bool,
    rate: float | None,
    seed: int,
    consumers: int,
    port: int | None,
    keep: bool,
    workspace: str,
) -> None:
    """The whole service on this machine: PostgreSQL, Kafka, all programs, and a gateway and workers that are played.

    Without --once it plays until Ctrl-C, which leaves nothing running (a stack that bin/stack started stays up). The
    database and the topics stay for the next run; --once has its own and drops them.

    While it runs, bin/scale 4 (elsewhere) changes the number of consumers, and bin/taskmanager has more for operators.

    A line of FILE.jsonl is a message or just a request body:

    \b
      {"headers": {"id": "0190f1c2-7a3b-7cde-8f01-23456789abcd"}, "value": {"userEmail": "ann@example.com",
       "userQuery": "opening hours", "originalUrl": "https://example.com/"}}
      {"topic": "status", "headers": {"id": "0190f1c2-7a3b-7cde-8f01-23456789abcd", "status": "started"}, "value": {}}
      {"key": "any", "valueBase64": "/wD/"}
      {"userEmail": "ann@example.com", "userQuery": "opening hours", "originalUrl": "https://example.com/"}

    docs/demo.md tells the rest: the file format, what the workers do, how the messages are accounted for.

    Exit codes: 0 all is accounted for (or stopped by Ctrl-C without --once); 1 something is not; 64 wrong usage;
    65 a line of the file is wrong; 69 something cannot start; 130, 143, 129 --once was interrupted.
    """
    context = click.get_current_context()
    if idle and (once or file is not None):
        raise WrongUsageError("--idle plays nothing: it excludes --once and --requests")
    given = context.get_parameter_source("workspace") is not ParameterSource.DEFAULT
    if given and once and not keep:
        raise WrongUsageError(
            "--once has a database of its own; give --keep too, to use the one that --workspace names"
        )
    with regular_file(file) as requests:
        options = Options(
            requests=requests, once=once, workers=not no_workers, idle=idle, consumers=consumers, port=port, keep=keep,
            rate=rate, seed=seed, workspace=_workspace_name(workspace),
        )  # fmt: skip
        if requests is not None:
            _check(requests, options)
        ending = _run(options)
    context.exit(_report(options, ending))


def _check(requests: Path, options: Options) -> None:
    try:
        count = check_file(requests, options.make_workspace().topic_roles)
    except PlayFileError as mistake:
        raise BadFileError(str(mistake)) from None
    except OSError as error:
        raise WrongUsageError(f"{requests} cannot be read: {error.strerror}") from None
    if not count:
        raise BadFileError(f"{requests} holds no message; a line is one JSON object (see --help)")


def _run(options: Options) -> Ending:
    view = choose_view()
    try:
        return uvloop.run(Session(options, view).run())
    finally:
        view.close()


def _report(options: Options, ending: Ending) -> int:
    outcome = ending.outcome
    if outcome is None:
        return 128 + ending.signal if options.once and ending.signal is not None else 0
    for problem in outcome.problems:
        click.echo(f"not accounted for: {problem}", err=True)
    summary = outcome.totals.summary(
        sent=outcome.sent,
        seconds=outcome.seconds,
        skipped=outcome.skipped,
        relayed=outcome.relayed,
        relay_duplicates=outcome.relay_duplicates,
        accounted=not outcome.problems,
    )
    sys.stdout.buffer.write(orjson.dumps(summary) + b"\n")
    sys.stdout.buffer.flush()
    return 1 if outcome.problems else 0


def _workspace_name(name: str) -> str:
    if not (name.isascii() and name.replace("_", "").isalnum() and name == name.lower() and len(name) <= 40):
        raise WrongUsageError(f"--workspace {name!r}: give 1 to 40 lower-case letters, digits and underscores")
    return name
