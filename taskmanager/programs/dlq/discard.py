"""`taskmanager dlq discard`."""

from typing import Any

import click
import orjson

from taskmanager.application.dead_letter_model import LetterFilter, LetterState
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
from taskmanager.server import ExitCode

_NOT_FOUND = 1


@click.command()
@letter_ids
@filter_options
@click.option("--all", "everything", is_flag=True, help="Every open letter.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most the first N that match.")
@click.option("--why", metavar="TEXT", help="A word for those who find it later.")
@as_operator
@without_asking
@as_json
def discard(
    letter_ids: tuple[int, ...],
    everything: bool,
    limit: int | None,
    why: str | None,
    operator: str,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Put away what nobody will replay.

    Discarded letters stay in the table with who, when and why (`list --state discarded`), and can still be replayed by
    their ids.

    \b
    Exits with 1 if a letter that was named is not there or not open.

    \b
    Examples:
      taskmanager dlq discard 18 19 --why "sent by a test"
      taskmanager dlq discard --reason tombstone --until 30d --yes
    """
    check_choice(letter_ids, options, everything=everything)
    if not letter_ids:
        check_askable(yes=yes)

    async def work(desk: LetterDesk) -> int:
        if letter_ids:
            return _tell(await desk.discard_letters.by_id(letter_ids, operator, why), as_json=as_json)
        return await _by_filter(desk, wanted(options))

    async def _by_filter(desk: LetterDesk, chosen: LetterFilter) -> int:
        letters, last_id = await desk.reader.extent(chosen)
        total = letters if limit is None else min(letters, limit)
        if total:
            confirm(f"Discard {total:,} open dead letters?", yes=yes)
        progress = Progress("discarded", total)
        done = 0
        async for count in desk.discard_letters.matching(chosen, operator, why, up_to=last_id, limit=limit):
            done += count
            progress(done)
        click.echo(orjson.dumps({"discarded": done}) if as_json else _sentence(done))
        return ExitCode.OK

    return at_desk(work)


def _tell(before: dict[int, LetterState | None], *, as_json: bool) -> int:
    done = [letter_id for letter_id, state in before.items() if state is LetterState.OPEN]
    others = {letter_id: state for letter_id, state in before.items() if state is not LetterState.OPEN}
    if as_json:
        left = {str(letter_id): "not there" if state is None else state for letter_id, state in others.items()}
        click.echo(orjson.dumps({"discarded": len(done), "left": left}))
    else:
        click.echo(_sentence(len(done)))
    for letter_id, state in others.items():
        problem = "is not there" if state is None else f"is {state.value} already"
        click.echo(f"error: letter {letter_id} {problem}", err=True)
    return _NOT_FOUND if others else ExitCode.OK


def _sentence(count: int) -> str:
    return f"{count:,} letter{'' if count == 1 else 's'} discarded"
