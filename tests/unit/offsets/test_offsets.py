"""Which stored offsets fit their topics, and what is told of those that do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import OffsetProblem, TopicEnds, diagnose, explain, remedy
from taskmanager.application.ports import StoredOffset
from taskmanager.application.use_cases.show_offsets import StoredLedger, show_offsets
from taskmanager.application.verification.ledger import StoredProgress

_ENDS = TopicEnds("id", 10, 20)
_HERE = Partition("t", 0)


@pytest.mark.parametrize(
    ("topic_id", "offset", "ends", "problem"),
    [
        ("id", 10, _ENDS, None),
        ("id", 20, _ENDS, None),
        ("id", 9, _ENDS, OffsetProblem.REMOVED),
        ("id", 21, _ENDS, OffsetProblem.BEYOND_END),
        ("other", 15, _ENDS, OffsetProblem.TOPIC_MADE_ANEW),
        ("id", 15, None, OffsetProblem.TOPIC_MISSING),
    ],
)
def test_an_offset_fits_where_the_topic_holds_it(
    topic_id: str, offset: int, ends: TopicEnds | None, problem: OffsetProblem | None
) -> None:
    assert diagnose(StoredOffset(topic_id, offset), ends) is problem


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.booleans())
def test_what_does_not_fit_is_explained_with_its_numbers(offset: int, low: int, size: int, is_same: bool) -> None:
    stored, ends = StoredOffset("id" if is_same else "other", offset), TopicEnds("id", low, low + size)
    problem = diagnose(stored, ends)
    assert (problem is None) == (is_same and low <= offset <= low + size)
    if problem is not None:
        assert f"up to {offset}" in explain(problem, stored, ends)


def test_the_remedy_is_a_whole_command() -> None:
    partitions = [Partition("a topic", 3), Partition("a topic", 1)]
    assert (
        remedy("a topic", partitions, OffsetProblem.REMOVED)
        == "taskmanager offsets reset --topic 'a topic' --partition 1 --partition 3 --to earliest"
    )
    assert remedy("t", [_HERE], OffsetProblem.TOPIC_MISSING).startswith("create the topic t")


def ledger(offset: int, topic_id: str = "id") -> StoredLedger:
    """A partition that was read from 0 on."""
    return StoredLedger(StoredProgress(topic_id, 0, offset, {}), None, 0)


def test_every_partition_is_shown_that_the_database_or_kafka_knows() -> None:
    stored = {_HERE: ledger(15), Partition("t", 1): ledger(5), Partition("old", 0): ledger(7)}
    ends = {_HERE: _ENDS, Partition("t", 2): _ENDS}
    shown = {each.partition: each for each in show_offsets(stored, ends, ["t"])}

    assert list(shown) == sorted([*stored, Partition("t", 2)])
    assert [(each.problem, each.lag) for each in shown.values()] == [
        (None, None),  # a topic that is not read any more is nobody's trouble
        (None, 5),
        (OffsetProblem.TOPIC_MISSING, None),
        (None, 10),
    ]


def test_where_an_offset_does_not_fit_no_lag_can_be_told() -> None:
    (each,) = show_offsets({_HERE: ledger(5)}, {_HERE: _ENDS}, ["t"])

    assert (each.problem, each.lag) == (OffsetProblem.REMOVED, None)
