"""The page about Kafka lists exactly what the code knows."""

import pytest

from taskmanager.application.changes import Outcome
from taskmanager.application.dead_letters import ADVICE, DeadLetterReason, advice
from taskmanager.domain.errors import RefusalReason
from taskmanager.domain.status import STATUS_NAMES, TRANSITIONS
from tests.unit.docs.pages import first_column, section, text

PAGE = text("docs/kafka.md")


@pytest.mark.parametrize(
    ("heading", "catalogue"),
    [
        ("Dead letters", list(DeadLetterReason)),
        ("Refused reports", list(RefusalReason)),
        ("Outcomes", list(Outcome)),
    ],
)
def test_a_catalogue_has_each_word_once_in_the_order_of_the_code(heading: str, catalogue: list[str]) -> None:
    assert first_column(section(PAGE, heading)) == [str(word) for word in catalogue]


@pytest.mark.parametrize("reason", DeadLetterReason)
def test_the_advice_is_that_of_the_code(reason: DeadLetterReason) -> None:
    (row,) = [line for line in section(PAGE, "Dead letters").splitlines() if line.startswith(f"| `{reason}` |")]
    assert row.replace("`", "").split(" | ")[-1].removesuffix(" |") + "." == ADVICE[reason] == advice(reason)


def test_a_reason_that_this_release_does_not_know_has_an_answer_too() -> None:
    assert "does not know" in advice("a_reason_of_tomorrow")


def test_the_equation_names_every_outcome() -> None:
    equation = next(line for line in section(PAGE, "Outcomes").splitlines() if line.startswith("first_offset + "))
    assert equation.removesuffix(" = next_offset").split(" + ")[1:] == [outcome.value for outcome in Outcome]


def test_every_name_of_a_status_is_told() -> None:
    (row,) = [line for line in section(PAGE, "Headers").splitlines() if line.startswith("| `status` |")]
    assert all(f"`{name}`" in row for name in STATUS_NAMES)


def test_the_picture_shows_the_transitions_that_are_allowed() -> None:
    drawn = [
        line.split(":")[0].split(" --> ") for line in section(PAGE, "State machine").splitlines() if " --> " in line
    ]
    pairs = {(start.strip(), end.strip()) for start, end in drawn} - {("[*]", "new")}
    assert pairs == {(start.value, end.value) for start, ends in TRANSITIONS.items() for end in ends}
