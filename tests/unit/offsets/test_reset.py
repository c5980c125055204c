"""What setting an offset does to a partition's ledger."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.ports import StoredOffset
from taskmanager.application.use_cases.reset_offsets import (
    ArchivedHistory,
    MovedMeanwhile,
    OffsetOutOfRange,
    Reset,
    ResetOffsets,
    Step,
    Target,
    plan_reset,
    warn_of_repetition,
)

_HERE, _THERE = Partition("t", 0), Partition("t", 1)
_ENDS = {_HERE: TopicEnds("id", 10, 20), _THERE: TopicEnds("id", 0, 5)}


def planned(stored: StoredOffset | None, target: Target) -> Reset:
    """What is planned for one partition."""
    (reset,) = plan_reset([_HERE], {} if stored is None else {_HERE: stored}, _ENDS, target)
    return reset


@pytest.mark.parametrize(
    ("stored", "target", "step", "offset", "said"),
    [
        (None, "earliest", Step.BEGIN, 10, "was never read: begins at 10"),
        (None, 12, Step.BEGIN, 12, "begins at 12"),
        (StoredOffset("id", 12), 12, Step.STAY, 12, "stands at 12 already"),
        (StoredOffset("id", 12), "latest", Step.SKIP, 20, "goes on at 20 instead of 12"),
        (StoredOffset("id", 4), "earliest", Step.SKIP, 10, "never read (6)"),
        (StoredOffset("id", 12), "earliest", Step.RETIRE, 10, "goes back from 12 to 10"),
        (StoredOffset("id", 30), "latest", Step.RETIRE, 20, "read again (10)"),
        (StoredOffset("old", 12), "earliest", Step.RETIRE, 10, "made anew at 10; the former was read up to 12"),
        (StoredOffset("old", 10), "earliest", Step.RETIRE, 10, "the former was read up to 10"),
        (StoredOffset("old", 0), "latest", Step.RETIRE, 20, "made anew at 20"),
    ],
)
def test_what_is_planned(stored: StoredOffset | None, target: Target, step: Step, offset: int, said: str) -> None:
    reset = planned(stored, target)

    assert (reset.step, reset.offset, reset.topic_id) == (step, offset, "id")
    assert said in str(reset)


@pytest.mark.parametrize(
    ("stored", "target", "archived", "is_risky"),
    [
        (StoredOffset("id", 12), "earliest", ArchivedHistory(3, 4, 0), True),
        (StoredOffset("id", 12), "earliest", None, False),
        (StoredOffset("id", 12), "latest", ArchivedHistory(3, 4, 0), False),
        (StoredOffset("id", 10), "earliest", ArchivedHistory(3, 4, 0), False),
        (StoredOffset("old", 12), "earliest", ArchivedHistory(3, 4, 0), False),
        (None, "earliest", ArchivedHistory(3, 4, 0), False),
    ],
)
def test_what_retention_has_removed_may_happen_again_where_a_partition_goes_back(
    stored: StoredOffset | None, target: Target, archived: ArchivedHistory | None, *, is_risky: bool
) -> None:
    warning = warn_of_repetition(planned(stored, target), archived)

    assert ("(3 tasks, 4 other events)" in (warning or "")) == is_risky
    assert (warning is None) != is_risky


@pytest.mark.parametrize("target", [9, 21])
def test_an_offset_that_the_topic_does_not_hold_is_refused(target: int) -> None:
    with pytest.raises(OffsetOutOfRange, match=f"t/0 holds the offsets 10 to 20, not {target}"):
        planned(None, target)


class Ledgers:
    """Implements `OffsetWriter`: remembers what it was told to do."""

    def __init__(self, stored: Mapping[Partition, StoredOffset]) -> None:
        self.stored = stored
        self.done: list[tuple[str, list[Partition]]] = []
        self.is_locked = False

    @contextmanager
    def locked(self, partitions: Sequence[Partition]) -> Iterator[Mapping[Partition, StoredOffset]]:
        """What is stored."""
        self.is_locked = True
        yield {partition: self.stored[partition] for partition in partitions if partition in self.stored}
        self.is_locked = False

    def begin(self, resets: Sequence[Reset]) -> None:
        """See `OffsetWriter.begin`."""
        self._note("begin", resets)

    def skip(self, resets: Sequence[Reset]) -> None:
        """See `OffsetWriter.skip`."""
        self._note("skip", resets)

    def retire(self, resets: Sequence[Reset]) -> None:
        """See `OffsetWriter.retire`."""
        self._note("retire", resets)

    def _note(self, step: str, resets: Sequence[Reset]) -> None:
        assert self.is_locked
        self.done.append((step, [reset.partition for reset in resets]))


def test_each_partition_gets_what_it_needs() -> None:
    stored = {_HERE: StoredOffset("id", 12), _THERE: StoredOffset("id", 0)}
    plan = plan_reset([_HERE, _THERE], stored, _ENDS, "latest")
    ledgers = Ledgers(stored)
    assert ResetOffsets(ledgers)(plan, lambda now: plan_reset([_HERE, _THERE], now, _ENDS, "latest")) == plan
    assert ledgers.done == [("skip", [_HERE, _THERE])]

    stored = {_HERE: StoredOffset("old", 12)}
    plan = plan_reset([_HERE, _THERE], stored, _ENDS, "earliest")
    ledgers = Ledgers(stored)
    ResetOffsets(ledgers)(plan, lambda now: plan_reset([_HERE, _THERE], now, _ENDS, "earliest"))
    assert ledgers.done == [("begin", [_THERE]), ("retire", [_HERE])]


def test_consumers_may_read_on_between_the_plan_and_its_execution() -> None:
    plan = plan_reset([_HERE], {_HERE: StoredOffset("id", 12)}, _ENDS, 18)
    ledgers = Ledgers({_HERE: StoredOffset("id", 15)})
    (done,) = ResetOffsets(ledgers)(plan, lambda now: plan_reset([_HERE], now, _ENDS, 18))

    assert (done.stored, ledgers.done) == (StoredOffset("id", 15), [("skip", [_HERE])])


@pytest.mark.parametrize("moved", [{_HERE: StoredOffset("id", 19)}, {}, {_HERE: StoredOffset("old", 12)}])
def test_nothing_is_done_that_was_not_planned(moved: dict[Partition, StoredOffset]) -> None:
    plan = plan_reset([_HERE], {_HERE: StoredOffset("id", 12)}, _ENDS, 18)
    ledgers = Ledgers(moved)
    with pytest.raises(MovedMeanwhile):
        ResetOffsets(ledgers)(plan, lambda now: plan_reset([_HERE], now, _ENDS, 18))
    assert ledgers.done == []


def test_another_incarnation_than_the_one_planned_for_is_not_what_was_planned() -> None:
    plan = plan_reset([_HERE], {_HERE: StoredOffset("old", 12)}, _ENDS, 18)
    fresh = {_HERE: TopicEnds("newer still", 0, 30)}
    ledgers = Ledgers({_HERE: StoredOffset("old", 12)})
    with pytest.raises(MovedMeanwhile):
        ResetOffsets(ledgers)(plan, lambda now: plan_reset([_HERE], now, fresh, 18))
    assert ledgers.done == []
