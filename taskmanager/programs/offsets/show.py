"""`taskmanager offsets show`."""

from collections.abc import Iterator, Sequence

import click
import orjson

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import OffsetProblem, explain, remedy
from taskmanager.application.use_cases.show_offsets import PartitionOffsets, show_offsets
from taskmanager.programs.offsets.books import open_books
from taskmanager.programs.offsets.options import as_json, wait_option
from taskmanager.server import ExitCode

_STOPPED = 1


@click.command(name="show")
@as_json
@wait_option
def show(as_json: bool, wait: float) -> ExitCode | int:
    """Show every partition: how far it was read, what Kafka holds, and what is wrong.

    It changes nothing, and may run while consumers work.

    \b
    - READ UP TO    the offset that is read next; what lies before has had its effect
    - TOPIC HOLDS   the first offset in Kafka, and the one behind the last
    - LAG           how many are left to read (an open transaction counts)
    - LAST MESSAGE  Kafka's time of the last message that was read
    - CAME TO       what became of the messages since the partition was first read or last reset

    Exits with 1 if a partition cannot be read on, with 75 if the database or Kafka does not answer.
    """
    with open_books(wait) as books:
        ledgers = books.ledgers.read()
        partitions = show_offsets(ledgers, books.ends(), books.topics)
    click.echo(_json(partitions) if as_json else "\n".join(_text(partitions)))
    return _STOPPED if any(each.problem for each in partitions) else ExitCode.OK


def _text(partitions: Sequence[PartitionOffsets]) -> Iterator[str]:
    if not partitions:
        yield "no partition was read yet, and Kafka has none of the topics"
        return
    rows = [("PARTITION", "READ UP TO", "TOPIC HOLDS", "LAG", "LAST MESSAGE", "CAME TO"), *map(_row, partitions)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for (topic, problem), stopped in _problems(partitions).items():
        yield ""
        yield from (
            f"error: {_name(each.partition)}: {explain(problem, each.ledger and each.ledger.offset, each.ends)}"
            for each in stopped
        )
        yield f"what to do: {remedy(topic, [each.partition for each in stopped], problem)}"


def _row(each: PartitionOffsets) -> tuple[str, ...]:
    ledger, ends = each.ledger, each.ends
    resets = f" (reset {ledger.retired} times)" if ledger and ledger.retired else ""
    return (
        _name(each.partition),
        str(ledger.progress.next_offset) if ledger else "-",
        f"{ends.low} to {ends.high}" if ends else "-",
        "-" if each.lag is None else str(each.lag),
        f"{ledger.ingested_at:%Y-%m-%d %H:%M:%S%z}" if ledger and ledger.ingested_at else "-",
        (", ".join(f"{n} {name}" for name, n in ledger.progress.outcomes.items() if n) if ledger else "") + resets,
    )


def _problems(partitions: Sequence[PartitionOffsets]) -> dict[tuple[str, OffsetProblem], list[PartitionOffsets]]:
    groups: dict[tuple[str, OffsetProblem], list[PartitionOffsets]] = {}
    for each in partitions:
        if each.problem is not None:
            groups.setdefault((each.partition.topic, each.problem), []).append(each)
    return groups


def _json(partitions: Sequence[PartitionOffsets]) -> bytes:
    return orjson.dumps({"partitions": [_document(each) for each in partitions]})


def _document(each: PartitionOffsets) -> dict[str, object]:
    ledger, ends, problem = each.ledger, each.ends, each.problem
    return {
        "topic": each.partition.topic,
        "partition": each.partition.partition,
        "nextOffset": ledger.progress.next_offset if ledger else None,
        "firstOffset": ledger.progress.first_offset if ledger else None,
        "low": ends.low if ends else None,
        "high": ends.high if ends else None,
        "lag": each.lag,
        "topicId": ends.topic_id if ends else None,
        "storedTopicId": ledger.progress.topic_id if ledger else None,
        "ingestedAt": ledger.ingested_at if ledger else None,
        "outcomes": {name.value: count for name, count in ledger.progress.outcomes.items()} if ledger else None,
        "resets": ledger.retired if ledger else 0,
        "problem": problem.value if problem else None,
        "remedy": remedy(each.partition.topic, [each.partition], problem) if problem else None,
    }


def _name(partition: Partition) -> str:
    return f"{partition.topic}/{partition.partition}"
