"""What several subcommands take."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from taskmanager.client.queries import TaskFilter
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.status import STATUS_NAMES, TaskStatus
from taskmanager.domain.values import TaskId
from taskmanager.programs.moments import past

_Command = TypeVar("_Command", bound=Callable[..., Any])


def task(text: str) -> str:
    """A task's id in its normal form, as a plain text."""
    try:
        return str(TaskId(text))
    except InvalidValue as error:
        raise click.BadParameter(str(error)) from None


def status(text: str) -> str:
    """A status by any of its names."""
    found = STATUS_NAMES.get(text.lower().replace("-", "_"))
    if found is None:
        raise click.BadParameter(f"{text!r} is none of {', '.join(each.value for each in TaskStatus)}")
    return found.value


def _labels(_context: click.Context, _parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r} is not of the form NAME=VALUE")
        if name in labels:
            raise click.BadParameter(f"{name!r} is given twice")
        labels[name] = value
    return labels


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
as_json_lines = click.option("--json", "as_json", is_flag=True, help="Print JSON, a document a line, for machines.")
task_ids = click.argument("task_ids", nargs=-1, required=True, type=task, metavar="ID...")
metadata = click.option(
    "--metadata", multiple=True, callback=_labels, metavar="NAME=VALUE", help="A label; may be given several times."
)
statuses = click.option(
    "--status", "statuses", type=status, multiple=True, metavar="STATUS",
    help="new, in_progress, completed, error or cancelled; may be given several times.",
)  # fmt: skip
user = click.option("--user", metavar="ADDRESS", help="Only tasks of this user.")
_FILTER = (
    statuses,
    user,
    click.option("--host", help="Only tasks whose address is on this host."),
    click.option("--query", "text", metavar="TEXT", help="Only tasks with this text in their query or address."),
    metadata,
    click.option("--since", type=past, metavar="TIME", help="Created at this time or later; also an age: 90m, 7d."),
    click.option("--until", type=past, metavar="TIME", help="Created before this time; also an age."),
)


def filter_options(command: _Command) -> _Command:
    """Adds the options that say which tasks are meant."""
    for option in reversed(_FILTER):
        command = option(command)
    return command


def wanted(options: dict[str, Any]) -> TaskFilter:
    """The filter that the options of `filter_options` make."""
    chosen = {
        "status": options["statuses"],
        "user_email": options["user"],
        "host": options["host"],
        "text": options["text"],
        "metadata": options["metadata"],
        "created_after": options["since"],
        "created_before": options["until"],
    }
    return cast("TaskFilter", {name: value for name, value in chosen.items() if value})
