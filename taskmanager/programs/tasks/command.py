"""The group of subcommands, and what they say of the server."""

import os
from pathlib import Path

import click

from taskmanager.programs.tasks.change import cancel, delete, retry
from taskmanager.programs.tasks.connection import Connection
from taskmanager.programs.tasks.create import create
from taskmanager.programs.tasks.look import get, list_, stats
from taskmanager.programs.tasks.watch import watch


@click.group(name="tasks")
@click.option(
    "--server", "--url", "url", envvar="TASKMANAGER_URL", metavar="URL",
    help="The server.  [default: $TASKMANAGER_URL, else a demo that runs here, else http://127.0.0.1:3000]",
)  # fmt: skip
@click.option(
    "--token-file", envvar="TASKMANAGER_TOKEN_FILE", metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the API key or JWT alone.  [default: $TASKMANAGER_TOKEN_FILE, else the token $TASKMANAGER_TOKEN]",
)  # fmt: skip
@click.pass_context
def command(context: click.Context, url: str | None, token_file: Path | None) -> None:
    """Create, show, watch and change tasks by way of the REST interface.

    A token is never given on the command line, where every user of the machine could read it: put it into
    TASKMANAGER_TOKEN, or into a file. `taskmanager keys create` makes one.

    \b
    Examples:
      taskmanager tasks create --url https://example.com/ --query "opening hours" --email ann@example.com --wait
      taskmanager tasks create --from-file requests.jsonl
      taskmanager tasks list --status error --since 2h
      taskmanager tasks get 0190f1c2-7a3b-7cde-8f01-23456789abcd --events
      taskmanager tasks watch --status error
      taskmanager tasks list --status error --since 1d --all --json | jq -r .id | xargs taskmanager tasks retry
      taskmanager tasks --server https://tasks.example.com --token-file ~/.tasks.key stats

    \b
    Exit codes: 0 done, 1 the server says no (or the task that was waited for failed), 64 wrong usage,
    75 the server cannot be reached or is busy, 78 the token is missing or not valid, 130 Ctrl-C.
    """
    context.obj = Connection(url, os.environ.get("TASKMANAGER_TOKEN") or None, token_file)


for each in (create, get, list_, watch, cancel, retry, delete, stats):
    command.add_command(each)
