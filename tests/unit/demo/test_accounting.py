"""The arithmetic that accounts for every message."""

from dataclasses import replace

import pytest

from taskmanager.programs.demo.accounting import OUTCOMES, PartitionLedger, Totals, discrepancies

P = ("t", 0)


def ledger(**changes) -> PartitionLedger:
    """Ten messages since offset 5: three created, one applied, one of each other outcome; one parked moved on."""
    counts = dict.fromkeys(OUTCOMES, 1) | {"created": 3}
    counts.update(changes.pop("counts", {}))
    sound = PartitionLedger(
        "t", 0, first_offset=5, next_offset=15, counts=counts, events=5, refused=1, parked=0, dead=1, unparked=0
    )
    return replace(sound, **changes)


def problems(book: PartitionLedger | None, before: int = 5, end: int = 15, delivered: int = 10) -> list[str]:
    return discrepancies({P: book} if book else {}, {P: before}, {P: end}, {P: delivered})


def test_a_sound_ledger_has_no_discrepancy():
    assert problems(ledger()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"events": 4, "parked": 1},
        {"events": 4, "refused": 2},
        {"events": 4, "dead": 2},
        {"events": 4, "unparked": 1},
    ],
)
def test_a_report_that_was_parked_may_still_be_or_has_become_anything(changes):
    assert problems(ledger(**changes)) == []


@pytest.mark.parametrize(
    ("book", "problem"),
    [
        (ledger(next_offset=14, counts={"created": 2}, events=4), "t[0]: is read up to offset 14 of 15"),
        (ledger(counts={"created": 2}, events=4), "t[0]: 10 messages were read, but 9 outcomes are counted"),
        (ledger(counts={"skipped": 2}), "t[0]: 10 messages were read, but 11 outcomes are counted"),
        (ledger(events=3), "t[0]: 1 of the events that were counted have no row"),
        (ledger(refused=0), "t[0]: 1 of the refused reports that were counted have no row"),
        (ledger(dead=0), "t[0]: 1 of the dead letters that were counted have no row"),
        (ledger(events=4), "t[0]: 1 reports were parked and are so no more, but 0 are found elsewhere"),
        (ledger(events=6), "t[0]: 1 reports were parked and are so no more, but 2 are found elsewhere"),
        (ledger(first_offset=6, counts={"created": 2}, events=4), "t[0]: is read from offset 6 on, but messages were"),
        (None, "t[0]: holds 15 messages, but no consumer has taken the partition up"),
    ],
)
def test_whatever_does_not_add_up_is_told(book, problem):
    assert any(problem in found for found in problems(book))


@pytest.mark.parametrize("delivered", [9, 11])
def test_the_topic_must_have_grown_by_what_was_delivered(delivered):
    [problem] = problems(ledger(), delivered=delivered)

    assert problem.startswith(f"t[0]: grew by 10 messages, but {delivered} were delivered")


def test_messages_of_earlier_runs_need_no_delivery():
    assert problems(ledger(), before=15, delivered=0) == []


def test_an_empty_partition_that_nobody_has_taken_up_is_in_order():
    assert problems(None, before=0, end=0, delivered=0) == []


def test_the_summary_has_the_contracts_names_first_and_all_statuses():
    totals = Totals({"new": 2, "error": 1}, 5, 4, 3, 2, duplicates=6, heartbeats=7, skipped=8)

    assert list(totals.summary(sent=9, seconds=1.234, accounted=True).items()) == [
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
        ("accounted", True),
    ]
