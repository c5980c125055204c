"""Whether every event comes back, in order."""

import pytest

from taskmanager.programs.demo.published import Kind, Published
from taskmanager.programs.demo.witness import Witness

P = ("task-status", 0)


@pytest.fixture
def witness() -> Witness:
    return Witness()


def hear(witness, *events):
    for task_id, version in events:
        witness.saw(P, Kind.EVENT)
        witness.heard(Published(task_id, version, 1, "TaskStarted"))


def test_every_event_once_and_in_order_is_as_it_should_be(witness):
    hear(witness, ("a", 1), ("b", 4), ("a", 2), ("b", 5))

    assert witness.problems([("a", 1, 2), ("b", 4, 5)]) == []
    assert (witness.relayed, witness.duplicates) == (4, 0)


def test_repeated_events_are_counted_and_allowed(witness):
    hear(witness, ("a", 1), ("a", 2), ("a", 1), ("a", 2), ("a", 3))

    assert witness.problems([("a", 1, 3)]) == []
    assert (witness.relayed, witness.duplicates) == (3, 2)


def test_a_version_that_is_passed_over_is_told(witness):
    hear(witness, ("a", 1), ("a", 3), ("a", 2))

    assert "version 3 of task a came after version 1" in witness.problems([("a", 1, 3)])


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (("a", 1, 3), "task a has events 1 to 3, but those from 1 to 2 came back on Kafka"),
        (("a", 1, 1), "task a has events 1 to 1, but those from 1 to 2 came back on Kafka"),
        (("a", 0, 2), "task a has events 0 to 2, but those from 1 to 2 came back on Kafka"),
        (("b", 1, 1), "task b has events 1 to 1, but none came back on Kafka"),
    ],
)
def test_what_is_missing_or_too_much_is_told(witness, written, problem):
    hear(witness, ("a", 1), ("a", 2))

    assert problem in witness.problems([written])


def test_an_event_that_nobody_has_written_is_told(witness):
    hear(witness, ("a", 1), ("b", 1))

    assert witness.problems([("a", 1, 1)]) == ["1 events were written, but 2 different ones came back on Kafka"]


def test_many_problems_are_told_in_a_few_lines(witness):
    for number in range(50):
        witness.complain(f"problem {number}")

    *first, last = witness.problems([(str(number), 1, 1) for number in range(9)])

    assert first == [f"problem {number}" for number in range(20)]
    assert last == "40 more events did not come back as they should"


def test_messages_are_counted_by_whose_they_are(witness):
    for kind in (Kind.PLAYED, Kind.PLAYED, Kind.LOOKALIKE, Kind.EVENT):
        witness.saw(P, kind)

    sighting = witness.sightings[P]
    assert (sighting.messages, sighting.events, sighting.lookalikes, witness.lookalikes) == (4, 1, 1, 1)
