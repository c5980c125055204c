"""One pass over the rules by hand, for real or as a dry run."""

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from taskmanager.application.ports import StoreError
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestionClock, Reading
from taskmanager.application.use_cases.housekeeping.rule import Done, Rule

# However fast new work comes in: by then somebody has to look.
_CALLS_MAX = 10_000


class Result(NamedTuple):
    """What a rule did or would do; where that is nothing `note` says why."""

    rule: str
    done: Done
    note: str
    error: Exception | None = None


class Pass(NamedTuple):
    """What the clock said, and what came of each rule."""

    reading: Reading
    results: Sequence[Result]
    dry_run: bool


async def run_once(clock: IngestionClock, rules: Sequence[Rule], *, dry_run: bool) -> Pass:
    """Applies each rule until nothing is left to do, or only looks; one that fails does not keep the others from it.

    Raises a `StoreError` where not even the clock could be read.
    """
    reading = await clock.read()
    return Pass(reading, [await _apply(rule, reading, dry_run=dry_run) for rule in rules], dry_run)


async def _apply(rule: Rule, reading: Reading, *, dry_run: bool) -> Result:
    done = Done()
    try:
        if dry_run:
            done = await rule.preview(reading)
        else:
            for _ in range(_CALLS_MAX):
                done = done.followed_by(await rule.apply(reading))
                if not done.more:
                    break
        return Result(rule.name, done, "" if done.affected else await rule.outlook(reading))
    except (StoreError, OSError) as error:
        return Result(rule.name, done, "", error)


def as_text(made: Pass) -> str:
    """A table for people."""
    reading = made.reading
    if reading.time is not None:
        lines = [f"everything that lay in Kafka at {reading.time:%Y-%m-%d %H:%M:%S} UTC is ingested"]
    else:
        reached = f"; messages up to {reading.reached:%Y-%m-%d %H:%M:%S} UTC are read" if reading.reached else ""
        lines = [f"{reading.problem}{reached}"]
    width = max((len(result.rule) for result in made.results), default=0)
    for result in made.results:
        if result.error is not None:
            did = f"failed: {result.error}"
            if result.done.affected:
                did += f" (before that: {result.done})"
        elif result.done.affected:
            did = f"{'would be ' if made.dry_run else ''}{result.done}"
        else:
            did = f"nothing: {result.note}"
        lines.append(f"{result.rule:{width}}  {did}")
    return "\n".join(lines)


def as_json(made: Pass) -> bytes:
    """One object for machines; times in UTC."""
    return orjson.dumps(
        {
            "dryRun": made.dry_run,
            "ingestedUntil": made.reading.time,
            "reached": made.reading.reached,
            "problem": made.reading.problem,
            "rules": [
                {
                    "rule": result.rule,
                    "affected": result.done.affected,
                    "effects": dict(result.done.effects),
                    "note": result.note or None,
                    "error": None if result.error is None else str(result.error),
                }
                for result in made.results
            ],
        }
    )
