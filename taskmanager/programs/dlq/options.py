"""What several subcommands take: which letters, and who asks."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from taskmanager.application.dead_letter_model import LetterFilter
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import TaskId
from taskmanager.programs.moments import past

_Command = TypeVar("_Command", bound=Callable[..., Any])
_OPERATOR_MAX = 100


def task(text: str) -> TaskId:
    """A task's id in the form in which it is stored."""
    try:
        return TaskId(text)
    except InvalidValue as error:
        raise click.BadParameter(str(error)) from None


_FILTER = (
    click.option(
        "--reason",
        "reasons",
        type=click.Choice([reason.value for reason in DeadLetterReason]),
        multiple=True,
        metavar="REASON",
        help="Only letters of this reason; may be given several times.",
    ),
    click.option("--topic", help="Only letters of messages of this topic."),
    click.option("--partition", type=click.IntRange(min=0), metavar="N", help="Only of this partition."),
    click.option("--task", "task_id", type=task, metavar="UUID", help="Only letters that name this task."),
    click.option("--since", type=past, metavar="TIME", help="Recorded at this time or later; also an age: 90m, 7d."),
    click.option("--until", type=past, metavar="TIME", help="Recorded before this time; also an age."),
)
as_operator = click.option(
    "--as", "operator", envvar=("USER", "LOGNAME"), metavar="NAME",
    callback=lambda _context, _parameter, name: _operator(name),
    help="Who asks, for the history of the letter and the task.  [default: $USER]",
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
without_asking = click.option("--yes", is_flag=True, help="Do not ask before many letters are changed.")
letter_ids = click.argument("letter_ids", nargs=-1, type=click.IntRange(min=1), metavar="[ID]...")


def filter_options(command: _Command) -> _Command:
    """Adds the options that say which letters are meant."""
    for option in reversed(_FILTER):
        command = option(command)
    return command


def wanted(options: dict[str, Any]) -> LetterFilter:
    """The filter that the options of `filter_options` make."""
    return LetterFilter(**options)


def check_choice(ids: Sequence[int], options: dict[str, Any], *, everything: bool) -> None:
    """Refuses anything but exactly one of: ids, a filter, --all."""
    chosen = (bool(ids), any(value not in {None, ()} for value in options.values()), everything)
    if sum(chosen) != 1:
        raise click.UsageError("say which letters are meant: their IDs, or a filter such as --reason, or --all")


def check_askable(*, yes: bool) -> None:
    """Refuses to begin what nobody can be asked about."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked: give --yes, after a look with `taskmanager dlq stats`")


def confirm(question: str, *, yes: bool) -> None:
    """Asks, unless that is not wanted; ends the command without a yes."""
    if not yes:
        click.confirm(question, abort=True, err=True)


def _operator(name: str | None) -> str:
    """What can be kept as a name."""
    name = (name or "operator").strip()
    if not name.isprintable() or len(name) > _OPERATOR_MAX or not name:
        raise click.BadParameter(f"must be 1 to {_OPERATOR_MAX} printable characters")
    return name
