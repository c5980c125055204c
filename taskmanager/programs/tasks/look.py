"""Shows tasks."""

from datetime import datetime
from typing import Any

import click
import msgspec

from taskmanager.client import TaskManagerClient
from taskmanager.programs.moments import past
from taskmanager.programs.tasks import rendering
from taskmanager.programs.tasks.connection import Connection, at_server
from taskmanager.programs.tasks.options import as_json, as_json_lines, filter_options, task, user, wanted
from taskmanager.server import ExitCode

_PAGE_MAX = 500


def _as_of(text: str) -> int | datetime:
    return int(text) if text.isascii() and text.isdigit() else past(text)


@click.command()
@click.argument("task_id", type=task, metavar="ID")
@click.option("--as-of", type=_as_of, metavar="TIME|VERSION", help="As it was then: a time, an age (2h), or a version.")
@click.option("--events", "with_events", is_flag=True, help="Also what happened to it, and who did it.")
@as_json
@click.pass_obj
def get(connection: Connection, task_id: str, as_of: int | datetime | None, with_events: bool, as_json: bool) -> int:
    """Show a task in full.

    \b
    Examples:
      taskmanager tasks get 0190f1c2-7a3b-7cde-8f01-23456789abcd
      taskmanager tasks get 0190f1c2-7a3b-7cde-8f01-23456789abcd --as-of 2h
      taskmanager tasks get 0190f1c2-7a3b-7cde-8f01-23456789abcd --json | jq -r .result
      taskmanager tasks get 0190f1c2-7a3b-7cde-8f01-23456789abcd --events --json | jq '.events[].actor'
    """

    async def work(client: TaskManagerClient) -> int:
        found = await client.get(task_id, as_of=as_of)
        history = [entry async for entry in client.history(task_id)] if with_events else None
        if as_json:
            click.echo(msgspec.json.encode(found if history is None else {"task": found, "events": history}))
            return ExitCode.OK
        click.echo(rendering.task_text(found))
        if history is not None:
            click.echo("\n".join(["events", *rendering.history_lines(history)]))
        return ExitCode.OK

    return at_server(connection, work)


@click.command(name="list")
@filter_options
@click.option("--oldest-first", is_flag=True, help="Begin with the oldest.  [default: with the newest]")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="N at most.")
@click.option("--all", "everything", is_flag=True, help="All that there are.")
@as_json_lines
@click.pass_obj
def list_(
    connection: Connection, /, oldest_first: bool, limit: int, everything: bool, as_json: bool, **options: Any
) -> int:
    """List tasks; their results are left out.

    \b
    Examples:
      taskmanager tasks list
      taskmanager tasks list --status error --since 2h --host example.com
      taskmanager tasks list --user ann@example.com --metadata campaign=spring --limit 500
      taskmanager tasks list --status new --status in_progress --all --json | jq -r .id
    """
    chosen = wanted(options)

    async def work(client: TaskManagerClient) -> int:
        columns, shown = rendering.width(), 0
        tasks = client.list_tasks(
            newest_first=not oldest_first, page_size=_PAGE_MAX if everything else min(limit, _PAGE_MAX), **chosen
        )
        async for found in tasks:
            if shown == limit and not everything:
                click.echo(f"(there are more than {limit}: --limit, or --all)", err=True)
                break
            if not as_json and shown == 0:
                click.echo(rendering.list_head(columns))
            click.echo(msgspec.json.encode(found) if as_json else rendering.list_line(found, columns))
            shown += 1
        if shown == 0 and not as_json:
            click.echo("no task matches", err=True)
        return ExitCode.OK

    return at_server(connection, work)


@click.command()
@user
@click.option(
    "--hours", type=click.FloatRange(min=0, min_open=True), default=24, show_default=True, metavar="N",
    help="Of the tasks that were created in the last N hours.",
)  # fmt: skip
@as_json
@click.pass_obj
def stats(connection: Connection, user: str | None, hours: float, as_json: bool) -> int:
    """Count tasks by status, with how long they took.

    \b
    Examples:
      taskmanager tasks stats
      taskmanager tasks stats --hours 168 --user ann@example.com
      taskmanager tasks stats --json | jq .tasks.error
    """

    async def work(client: TaskManagerClient) -> int:
        figures = await client.statistics(hours=hours, user_email=user)
        click.echo(msgspec.json.encode(figures) if as_json else rendering.statistics_text(figures))
        return ExitCode.OK

    return at_server(connection, work)
