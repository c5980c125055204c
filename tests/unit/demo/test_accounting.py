"""The arithmetic that accounts for every message."""

import pytest

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import Partition
from taskmanager.application.verification.ledger import PartitionLedger, StoredProgress
from taskmanager.programs.demo.accounting import Sighting, Totals, discrepancies
from taskmanager.programs.demo.progress import Progress

P = ("t", 0)


def ledger(*, first_offset: int = 5, next_offset: int = 15, counts: dict[str, int] | None = None, **rows: int):
    """Ten messages since offset 5: three created, one of each other outcome; the parked one was applied later."""
    outcomes = dict.fromkeys(Outcome, 1) | {Outcome.CREATED: 3}
    outcomes |= {Outcome(name): count for name, count in (counts or {}).items()}
    progress = StoredProgress("topic id", first_offset, next_offset, outcomes)
    sound = {
        "created_events": 3,
        "other_events": 2,
        "refused": 1,
        "parked": 0,
        "dead": 1,
        "dead_later": 0,
        "unparked": 0,
    }
    return PartitionLedger(Partition(*P), progress, **sound | rows)


def moment(end: int, skipped: int) -> Progress:
    return Progress(
        tasks={}, read={P: end}, skipped={P: skipped}, ends={P: end}, dead_letters=0, parked=0, claimable=0, expired=0,
        last_event=0, published=0,
    )  # fmt: skip


def problems(
    book: PartitionLedger | None,
    before: int = 5,
    end: int = 15,
    delivered: int = 10,
    skipped: int | None = None,
    seen: Sighting | None = None,
) -> list[str]:
    """Of the ten messages the skipped one looked like an event, unless something else is said."""
    seen = seen or Sighting(messages=end - before, lookalikes=int(end > before))
    after = moment(end, seen.lookalikes if skipped is None else skipped)
    return discrepancies({P: book} if book else {}, moment(before, 0), after, {P: delivered}, {P: seen})


def test_a_sound_ledger_has_no_discrepancy():
    assert problems(ledger()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"other_events": 1, "parked": 1},
        {"other_events": 1, "refused": 2},
        {"other_events": 1, "dead_later": 1},
        {"other_events": 1, "unparked": 1},
    ],
)
def test_a_report_that_was_parked_may_still_be_or_has_become_anything(changes):
    assert problems(ledger(**changes)) == []


@pytest.mark.parametrize(
    ("book", "problem"),
    [
        (ledger(next_offset=14, counts={"skipped": 0}), "t[0]: is read up to offset 14 of 15"),
        (ledger(counts={"skipped": 0}), "t[0]: outcome_arithmetic: expected next_offset 14, found 15"),
        (ledger(counts={"skipped": 2}), "t[0]: outcome_arithmetic: expected next_offset 16, found 15"),
        (ledger(created_events=2), "t[0]: created_events: expected 3, found 2"),
        (ledger(refused=0), "t[0]: refused_rows: expected at least 1, found 0"),
        (ledger(dead=0), "t[0]: dead_letter_rows: expected 1, found 0"),
        (ledger(other_events=1), "t[0]: parked_reports: expected 1 that were parked"),
        (ledger(first_offset=6, counts={"skipped": 0}), "t[0]: is read from offset 6 on, but messages were"),
        (None, "t[0]: holds 15 messages, but no consumer has taken the partition up"),
    ],
)
def test_whatever_does_not_add_up_is_told(book, problem):
    assert any(problem in found for found in problems(book))


@pytest.mark.parametrize("delivered", [9, 11])
def test_the_topic_must_have_grown_by_what_was_delivered(delivered):
    [problem] = problems(ledger(), delivered=delivered)

    assert problem.startswith(f"t[0]: holds 10 new messages beside the relay's 0, but {delivered} were delivered")


def test_the_relays_events_and_the_marks_of_its_transactions_are_to_be_skipped_and_nothing_else():
    written = {"end": 35, "seen": Sighting(messages=26, events=16, lookalikes=1)}
    book = ledger(next_offset=35, counts={"skipped": 21})
    expected = "16 events, 4 marks of transactions and 1 messages that look like events"

    assert problems(book, **written, skipped=21) == []
    for skipped in (20, 22):
        assert problems(book, **written, skipped=skipped) == [
            f"t[0]: {skipped} were skipped, but 21 were to be: {expected}"
        ]


def test_messages_of_earlier_runs_need_no_delivery():
    assert problems(ledger(), before=15, delivered=0, skipped=0) == []


def test_an_empty_partition_that_nobody_has_taken_up_is_in_order():
    assert problems(None, before=0, end=0, delivered=0) == []


def test_the_summary_has_the_contracts_names_first_and_all_statuses():
    totals = Totals({"new": 2, "error": 1}, 5, 4, 3, 2, duplicates=6, heartbeats=7)
    run = {"sent": 9, "seconds": 1.234, "skipped": 8, "relayed": 5, "relay_duplicates": 1, "accounted": True}

    assert list(totals.summary(**run).items()) == [
        ("sent", 9),
        ("tasks", {"new": 2, "in_progress": 0, "completed": 0, "error": 1, "cancelled": 0}),
        ("events", 5),
        ("deadLetters", 4),
        ("parked", 3),
        ("refused", 2),
        ("seconds", 1.23),
        ("duplicates", 6),
        ("heartbeats", 7),
        ("skipped", 8),
        ("relayed", 5),
        ("relayDuplicates", 1),
        ("accounted", True),
    ]
