"""`taskmanager offsets reset`."""

from collections.abc import Mapping, Sequence
from functools import partial

import click
import orjson

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.ports import StoredOffset
from taskmanager.application.use_cases.reset_offsets import (
    MovedMeanwhile,
    OffsetOutOfRange,
    Reset,
    ResetOffsets,
    Step,
    Target,
    plan_reset,
    warn_of_repetition,
)
from taskmanager.programs.offsets.books import Books, Unavailable, open_books
from taskmanager.programs.offsets.options import as_json, wait_option
from taskmanager.server import ExitCode

_DIGITS_MAX = 19


def _target(_context: click.Context, _parameter: click.Parameter, value: str) -> Target:
    if value == "earliest":
        return "earliest"
    if value == "latest":
        return "latest"
    if not (value.isascii() and value.isdigit() and len(value) < _DIGITS_MAX):
        raise click.BadParameter(f"{value!r} is neither earliest nor latest nor an offset")
    return int(value)


@click.command(name="reset")
@click.option("--topic", required=True, help="The topic.")
@click.option(
    "--partition", "numbers", type=click.IntRange(min=0), multiple=True, metavar="P",
    help="A partition; may be given several times.",
)  # fmt: skip
@click.option("--all", "is_all", is_flag=True, help="All partitions of the topic.")
@click.option(
    "--to", "target", callback=_target, required=True, metavar="earliest|latest|OFFSET",
    help="Where to go on: at the first message that the topic holds, behind its last, or at an offset.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@wait_option
def reset(
    topic: str,
    numbers: tuple[int, ...],
    is_all: bool,
    target: Target,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    wait: float,
) -> ExitCode:
    """Set where partitions are read on.

    For a topic that was deleted and made anew, for messages that Kafka removed before they were read, or to read a
    stretch again on purpose. Consumers may go on running: they notice, and read on from there within seconds.

    \b
    - Forward: what lies between is never read; it counts as skipped.
    - Back: messages are read again. Those that had their effect have no second one: a request that is
      there already is a duplicate, a report on a task that has moved on is refused or ignored. What was a dead letter
      becomes one once more (`taskmanager dlq discard --since` puts the second ones away).
      Where retention has removed history, a request of a removed task makes it again: there is a warning.
    - Another incarnation of the topic: its messages are read from there on.

    In the last two cases what was counted so far is put away (in the table retired_offsets), and stays part of what
    `taskmanager verify` adds up; offset by offset such partitions cannot be checked any more.

    \b
    Exits with 64 if the topic, a partition or the offset is not there, with 75 if the database or Kafka
    does not answer, or something has changed between the question and the answer.

    \b
    Examples:
      taskmanager offsets reset --topic task-status --partition 3 --to earliest --dry-run
      taskmanager offsets reset --topic task-status --partition 3 --partition 4 --to 120000
      taskmanager offsets reset --topic requests-web-crawl --all --to latest --yes --json
    """
    if is_all == bool(numbers):
        raise click.UsageError("choose partitions: --partition P (several times if need be), or --all")
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json cannot ask: add --yes or --dry-run")
    with open_books(wait) as books:
        partitions, ends = _chosen(books, topic, numbers)
        ledgers = books.ledgers.read()
        stored = {partition: ledger.offset for partition, ledger in ledgers.items()}
        planned = _planned(partitions, stored, ends, target)
        if not as_json:
            click.echo("\n".join(f"{topic}/{each.partition.partition} {each}" for each in planned))
        warnings = _warnings(planned, books)
        todo = [each for each in planned if each.step is not Step.STAY]
        if dry_run or not todo:
            return _tell(planned, warnings, as_json, "nothing was changed (--dry-run)" if dry_run else "nothing to do")
        if not yes:
            risky = f", {len(warnings)} of them in spite of the warning" if warnings else ""
            click.confirm(f"Reset {len(todo)} of {len(planned)} partitions{risky}?", abort=True)
        # Answering takes time: what Kafka holds may be something else by now.
        fresh = partial(plan_reset, partitions, ends=books.ends(), target=target)
        try:
            done = ResetOffsets(books.ledgers)(planned, lambda locked: fresh(stored=locked))
        except (MovedMeanwhile, OffsetOutOfRange, KeyError) as error:
            raise Unavailable("nothing was changed: the partitions have moved meanwhile; run it again") from error
    return _tell(done, warnings, as_json, "done; consumers that run go on from there within seconds")


def _chosen(
    books: Books, topic: str, numbers: tuple[int, ...]
) -> tuple[Sequence[Partition], Mapping[Partition, TopicEnds]]:
    if topic not in books.topics:
        raise click.UsageError(f"{topic!r} is none of the topics that are read: {', '.join(books.topics)}")
    ends = books.ends()
    there = [partition for partition in sorted(ends) if partition.topic == topic]
    if not there:
        raise click.UsageError(f"Kafka has no topic {topic!r}: create it first")
    if missing := sorted({number for number in numbers if Partition(topic, number) not in ends}):
        raise click.UsageError(f"{topic!r} has {len(there)} partitions, from 0; there is no {missing[0]}")
    return ([Partition(topic, number) for number in sorted(set(numbers))] if numbers else there), ends


def _planned(
    partitions: Sequence[Partition],
    stored: Mapping[Partition, StoredOffset],
    ends: Mapping[Partition, TopicEnds],
    target: Target,
) -> Sequence[Reset]:
    try:
        return plan_reset(partitions, stored, ends, target)
    except OffsetOutOfRange as error:
        raise click.UsageError(str(error)) from error


def _warnings(planned: Sequence[Reset], books: Books) -> Mapping[Partition, str]:
    """Tells people what each reset may repeat, also those who are not asked."""
    archived = books.ledgers.archived()
    warnings = {}
    for each in planned:
        if warning := warn_of_repetition(each, archived.get(each.partition)):
            warnings[each.partition] = warning
            click.echo(f"warning: {each.partition.topic}/{each.partition.partition}: {warning}", err=True)
    return warnings


def _tell(resets: Sequence[Reset], warnings: Mapping[Partition, str], as_json: bool, words: str) -> ExitCode:
    if not as_json:
        click.echo(words)
        return ExitCode.OK
    documents = [
        {
            "topic": each.partition.topic,
            "partition": each.partition.partition,
            "step": each.step.value,
            "from": each.stored.next_offset if each.stored else None,
            "to": each.offset,
            "warning": warnings.get(each.partition),
        }
        for each in resets
    ]
    click.echo(orjson.dumps({"result": words, "partitions": documents}))
    return ExitCode.OK
