"""What operators are told of one pass over the rules."""

import json

import pytest

from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.rule import Done
from taskmanager.programs.housekeeper.once import Pass, as_json, as_text, run_once
from tests.builders import at


class Scripted:
    """A rule that answers one thing after another."""

    def __init__(self, name: str, *answers: Done | Exception) -> None:
        self.name = name
        self.previews = 0
        self._answers = list(answers)

    async def apply(self, reading: Reading) -> Done:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def preview(self, reading: Reading) -> Done:
        self.previews += 1
        return Done({"moved": 12})

    async def outlook(self, reading: Reading) -> str:
        return "there is nothing"


class Clock:
    """Implements what is used of the ingestion clock."""

    async def read(self) -> Reading:
        return Reading(at(0), at(0))


async def passed(*rules: Scripted, dry_run: bool = False) -> Pass:
    return await run_once(Clock(), rules, dry_run=dry_run)  # type: ignore[arg-type]


async def test_each_rule_is_applied_until_nothing_is_left_to_do() -> None:
    made = await passed(
        Scripted("first", Done({"moved": 1000}, more=True), Done({}, more=True), Done({"moved": 234, "lost": 1})),
        Scripted("second-rule", Done()),
    )

    assert as_text(made).splitlines() == [
        "everything that lay in Kafka at 2026-03-01 12:00:00 UTC is ingested",
        "first        1,234 moved, 1 lost",
        "second-rule  nothing: there is nothing",
    ]


async def test_a_dry_run_only_looks() -> None:
    rule = Scripted("first")
    made = await passed(rule, dry_run=True)

    assert rule.previews == 1
    assert as_text(made).splitlines()[1] == "first  would be 12 moved"


@pytest.mark.parametrize("error", [StoreUnavailable("away"), OSError("no space")])
async def test_a_rule_that_fails_does_not_hide_what_was_done_before_or_by_others(error: Exception) -> None:
    made = await passed(Scripted("a", Done({"moved": 3}, more=True), error), Scripted("b", Done({"moved": 1})))

    assert as_text(made).splitlines()[1:] == [f"a  failed: {error} (before that: 3 moved)", "b  1 moved"]
    rules = json.loads(as_json(made))["rules"]
    assert [(rule["affected"], rule["error"]) for rule in rules] == [(3, str(error)), (1, None)]


def test_a_clock_that_stands_still_is_explained() -> None:
    held = Pass(Reading(None, at(60), "7 messages are not read yet"), [], dry_run=True)
    empty = Pass(Reading(None, None, "Kafka does not answer"), [], dry_run=True)

    assert as_text(held) == "7 messages are not read yet; messages up to 2026-03-01 12:01:00 UTC are read"
    assert as_text(empty) == "Kafka does not answer"
    assert json.loads(as_json(held)) == {
        "dryRun": True,
        "ingestedUntil": None,
        "reached": "2026-03-01T12:01:00+00:00",
        "problem": "7 messages are not read yet",
        "rules": [],
    }
