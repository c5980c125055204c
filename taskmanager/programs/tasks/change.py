"""Cancels, retries and deletes tasks, one after the other."""

from collections.abc import Awaitable, Callable, Sequence

import click
import msgspec

from taskmanager.client import RequestFailed, TaskManagerClient, TaskView, Unauthorized
from taskmanager.client.retrying import is_passing
from taskmanager.programs.tasks.connection import REFUSED, Connection, at_server, explained
from taskmanager.programs.tasks.options import as_json_lines, task_ids
from taskmanager.server import ExitCode

_Change = Callable[[TaskManagerClient, str], Awaitable[TaskView | None]]


@click.command()
@task_ids
@as_json_lines
@click.pass_obj
def cancel(connection: Connection, task_ids: Sequence[str], as_json: bool) -> int:
    """Cancel tasks that are not settled.

    \b
    Example:
      taskmanager tasks cancel 0190f1c2-7a3b-7cde-8f01-23456789abcd
    """
    return _change_all(connection, task_ids, "cancelled", lambda client, task_id: client.cancel(task_id), as_json)


@click.command()
@task_ids
@as_json_lines
@click.pass_obj
def retry(connection: Connection, task_ids: Sequence[str], as_json: bool) -> int:
    """Begin another attempt at failed or cancelled tasks.

    \b
    Example:
      taskmanager tasks list --status error --all --json | jq -r .id | xargs taskmanager tasks retry
    """
    return _change_all(connection, task_ids, "to be tried again", lambda client, id_: client.retry(id_), as_json)


@click.command()
@task_ids
@as_json_lines
@click.pass_obj
def delete(connection: Connection, task_ids: Sequence[str], as_json: bool) -> int:
    """Delete settled tasks.

    Nobody sees them any more. Their history stays, for administrators.

    \b
    Example:
      taskmanager tasks delete 0190f1c2-7a3b-7cde-8f01-23456789abcd
    """
    return _change_all(connection, task_ids, "deleted", lambda client, task_id: client.delete(task_id), as_json)


def _change_all(connection: Connection, ids: Sequence[str], done: str, change: _Change, as_json: bool) -> int:
    """Goes on after a task whose state does not allow it, but not after what concerns all of them."""

    async def work(client: TaskManagerClient) -> int:
        refused = 0
        for task_id in dict.fromkeys(ids):
            try:
                task = await change(client, task_id)
            except RequestFailed as error:
                if isinstance(error, Unauthorized) or is_passing(error):
                    raise
                refused += 1
                click.echo(f"error: {task_id}: {explained(error)}", err=True)
                continue
            if as_json:
                click.echo(msgspec.json.encode({"id": task_id, "deleted": True} if task is None else task))
            else:
                click.echo(f"{task_id} is {done}")
        return REFUSED if refused else ExitCode.OK

    return at_server(connection, work)
