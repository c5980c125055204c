"""The group of subcommands, and those that only look."""

import sys
from typing import Any

import click

from taskmanager.application.dead_letter_model import LetterState
from taskmanager.application.use_cases.dead_letters.show_letter import LetterDetails
from taskmanager.programs.dlq import rendering
from taskmanager.programs.dlq.desk import LetterDesk, at_desk
from taskmanager.programs.dlq.discard import discard
from taskmanager.programs.dlq.options import as_json, filter_options, wanted
from taskmanager.programs.dlq.replay import replay
from taskmanager.server import ExitCode

_NOT_FOUND = 1
_STATES = click.Choice([*(state.value for state in LetterState), "all"])
_state = click.option("--state", type=_STATES, default="open", show_default=True, help="Only letters in this state.")


@click.group(name="dlq")
def command() -> None:
    """Show, replay or discard dead letters.

    A message that no command could be made of, or that the database refused, is kept byte for byte as a dead letter
    with the reason. It waits until somebody replays it, as it was or corrected, or discards it.

    \b
    Examples:
      taskmanager dlq stats
      taskmanager dlq list --reason missing_field --since 24h
      taskmanager dlq show 17
      taskmanager dlq show 17 --raw > value.json    # edit the file, then:
      taskmanager dlq replay 17 --value-file value.json
      taskmanager dlq replay --reason unsupported_task_type --header task_type=web-crawl --dry-run
      taskmanager dlq discard 18 19 --why "sent by a test"
    """


@command.command(name="list")
@filter_options
@_state
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, metavar="N", help="The newest N."
)
@click.option("--before", type=click.IntRange(min=1), metavar="ID", help="Only letters older than this one.")
@as_json
def list_(limit: int, before: int | None, as_json: bool, **options: Any) -> int:
    """List dead letters, the newest last.

    What is in their messages is not shown: that may be personal data.

    \b
    Examples:
      taskmanager dlq list
      taskmanager dlq list --topic task-status --since 2026-03-01T00:00:00Z --state all
      taskmanager dlq list --task 0190f1c2-7a3b-7cde-8f01-23456789abcd --json
    """
    chosen = wanted(_with_state(options))

    async def work(desk: LetterDesk) -> int:
        letters = await desk.list_letters(chosen, limit, before=before)
        click.echo(rendering.letters_json(letters) if as_json else rendering.letters_table(letters, limit))
        return ExitCode.OK

    return at_desk(work)


@command.command()
@filter_options
@_state
@as_json
def stats(as_json: bool, **options: Any) -> int:
    """Count dead letters by reason.

    \b
    Examples:
      taskmanager dlq stats
      taskmanager dlq stats --since 7d --state all --json
    """
    chosen = wanted(_with_state(options))

    async def work(desk: LetterDesk) -> int:
        counts = await desk.count_letters(chosen)
        click.echo(rendering.counts_json(counts) if as_json else rendering.counts_table(counts))
        return ExitCode.OK

    return at_desk(work)


@command.command()
@click.argument("letter_id", type=click.IntRange(min=1), metavar="ID")
@as_json
@click.option("--raw", is_flag=True, help="Write the bytes of the message's value, and nothing else.")
def show(letter_id: int, as_json: bool, raw: bool) -> int:
    """Show a dead letter in full.

    Its message, what to do about it, and what was done with it.

    \b
    Examples:
      taskmanager dlq show 17
      taskmanager dlq show 17 --raw > value.json
    """
    if as_json and raw:
        raise click.UsageError("choose one of --json and --raw")

    async def work(desk: LetterDesk) -> int:
        details = await desk.show_letter(letter_id)
        if details is None:
            click.echo(
                f"error: there is no dead letter {letter_id}; taskmanager dlq list shows those that are", err=True
            )
            return _NOT_FOUND
        if raw:
            _write_value(details)
        else:
            click.echo(rendering.letter_json(details) if as_json else rendering.letter_text(details))
        return ExitCode.OK

    return at_desk(work)


def _write_value(details: LetterDetails) -> None:
    value = details.letter.message.value
    if value is None:
        click.echo("the message has no value (it is a tombstone)", err=True)
    sys.stdout.buffer.write(value or b"")
    sys.stdout.buffer.flush()


def _with_state(options: dict[str, Any]) -> dict[str, Any]:
    state = options.pop("state")
    return options | {"state": None if state == "all" else LetterState(state)}


command.add_command(replay)
command.add_command(discard)
