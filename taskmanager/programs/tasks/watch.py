"""Tells what happens to tasks while it happens."""

from collections.abc import Sequence

import click
import msgspec

from taskmanager.application.statistics import SETTLED_STATUSES
from taskmanager.client import Event, TaskManagerClient
from taskmanager.client.queries import EventFilter
from taskmanager.programs.tasks import rendering
from taskmanager.programs.tasks.connection import Connection, at_server, tell_interruption
from taskmanager.programs.tasks.options import as_json_lines, statuses, task, user
from taskmanager.server import ExitCode


@click.command()
@click.argument("task_id", type=task, required=False, metavar="[ID]")
@statuses
@user
@click.option("--after", type=click.IntRange(min=0), metavar="N", help="Also tell what came behind this sequence.")
@as_json_lines
@click.pass_obj
def watch(
    connection: Connection,
    task_id: str | None,
    statuses: Sequence[str],
    user: str | None,
    after: int | None,
    as_json: bool,
) -> int:
    """Tell what happens to tasks, or to one of them, live.

    Every event is told once and in order, also across a restart of the server. A task that is named is watched until
    it is completed, failed or cancelled; else it goes on until Ctrl-C.

    \b
    Examples:
      taskmanager tasks watch
      taskmanager tasks watch 0190f1c2-7a3b-7cde-8f01-23456789abcd
      taskmanager tasks watch --user ann@example.com --status error --status completed
      taskmanager tasks watch --after 0 --json > everything-that-ever-happened.jsonl
    """
    if task_id and (statuses or user):
        raise click.UsageError("a task is named already: leave out --status and --user")
    chosen = EventFilter()
    if task_id:
        chosen["task_id"] = task_id
    if statuses:
        chosen["status"] = statuses
    if user:
        chosen["user_email"] = user

    async def work(client: TaskManagerClient) -> int:
        async with client.stream(after=after, on_interruption=tell_interruption, **chosen) as events:
            known = 0
            if task_id is None:
                click.echo("watching; Ctrl-C ends it", err=True)
            else:
                found = await client.get(task_id)
                known = found.version
                click.echo(f"{task_id} is {rendering.status_text(found.status, width=0)}", err=True)
                if found.status in SETTLED_STATUSES and after is None:
                    return ExitCode.OK
            async for event in events:
                click.echo(msgspec.json.encode(event) if as_json else rendering.event_line(event))
                if task_id is not None and event.version >= known and _is_last(event):
                    break
        return ExitCode.OK

    return at_server(connection, work)


def _is_last(event: Event) -> bool:
    return event.status in SETTLED_STATUSES or event.type == "TaskDeleted"
