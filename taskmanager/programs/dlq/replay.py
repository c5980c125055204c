"""`taskmanager dlq replay`."""

from typing import Any, BinaryIO

import click
import msgspec

from taskmanager.application.ports import StoreError
from taskmanager.application.use_cases.dead_letters.message_edit import MessageEdit
from taskmanager.programs.dlq.desk import LetterDesk, at_desk
from taskmanager.programs.dlq.options import (
    as_json,
    as_operator,
    check_askable,
    check_choice,
    confirm,
    filter_options,
    letter_ids,
    wanted,
    without_asking,
)
from taskmanager.programs.dlq.progress import Progress
from taskmanager.programs.dlq.tally import Tally
from taskmanager.server import ExitCode

_STILL_DEAD = 1


@click.command()
@letter_ids
@filter_options
@click.option("--all", "everything", is_flag=True, help="Every open letter.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most the first N that match.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="Replace or add this header.")
@click.option("--drop-header", "dropped", multiple=True, metavar="NAME", help="Leave this header out.")
@click.option("--key", metavar="TEXT", help="Replace the key; of one letter only.")
@click.option(
    "--value-file",
    type=click.File("rb"),
    metavar="FILE",
    help="Replace the value by these bytes; - is stdin. One letter.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what each would come to now; change nothing.")
@as_operator
@without_asking
@as_json
def replay(
    letter_ids: tuple[int, ...],
    everything: bool,
    limit: int | None,
    headers: tuple[str, ...],
    dropped: tuple[str, ...],
    key: str | None,
    value_file: BinaryIO | None,
    dry_run: bool,
    operator: str,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Give dead letters their effect after all.

    Each message, as it was or corrected, is decoded and decided upon as if a consumer read it now, and written together
    with the change of its letter: it takes effect once, whoever else replays it at the same time. A message that is
    still wrong stays open, and so does a report whose task is not there. The original is never changed; a corrected
    message is kept in the history.

    Letters that are named by their ids may also be discarded ones. After an interruption, the same command goes on with
    what is still open.

    \b
    Exits with 1 if a letter is still dead or not there.

    \b
    Examples:
      taskmanager dlq replay 17
      taskmanager dlq show 17 --raw | jq '.userEmail = "ann@example.com"' | taskmanager dlq replay 17 --value-file -
      taskmanager dlq replay 17 18 --header id=0190f1c2-7a3b-7cde-8f01-23456789abcd --dry-run
      taskmanager dlq replay --reason unknown_task --since 2h --yes --json
    """
    check_choice(letter_ids, options, everything=everything)
    if (key is not None or value_file is not None) and len(set(letter_ids)) != 1:
        raise click.UsageError("--key and --value-file are for one letter: name its ID")
    if not letter_ids and not dry_run:
        check_askable(yes=yes)
    edit = _edit(headers, dropped, key, value_file)
    tally = Tally(dry_run=dry_run)

    async def work(desk: LetterDesk) -> int:
        try:
            await (_by_id(desk) if letter_ids else _by_filter(desk))
        except StoreError:
            # What was told so far is done.
            if tally.letters:
                click.echo(tally.text(), err=True)
            raise
        click.echo(tally.json() if as_json else tally.text())
        return _STILL_DEAD if tally.failed else ExitCode.OK

    async def _by_id(desk: LetterDesk) -> None:
        results = await desk.replay_letters.by_id(letter_ids, operator, edit, dry_run=dry_run)
        tally.add(results)
        tally.expect(letter_ids, results)

    async def _by_filter(desk: LetterDesk) -> None:
        chosen = wanted(options)
        letters, last_id = await desk.reader.extent(chosen)
        total = letters if limit is None else min(letters, limit)
        if total and not dry_run:
            confirm(f"Replay {total:,} open dead letters?", yes=yes)
        progress = Progress("looked at" if dry_run else "replayed", total)
        async for results in desk.replay_letters.matching(
            chosen, operator, edit, up_to=last_id, limit=limit, dry_run=dry_run
        ):
            tally.add(results)
            progress(tally.letters)

    return at_desk(work)


def _edit(
    headers: tuple[str, ...], dropped: tuple[str, ...], key: str | None, value_file: BinaryIO | None
) -> MessageEdit:
    pairs = [header.partition("=") for header in headers]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.UsageError(f"--header {name} has no value: write NAME=VALUE, such as status=completed")
    return MessageEdit(
        headers={name: value.encode() for name, _, value in pairs},
        without_headers=frozenset(dropped),
        key=msgspec.UNSET if key is None else key.encode(),
        value=msgspec.UNSET if value_file is None else value_file.read(),
    )
