"""Stored offsets beside what Kafka holds."""

import pytest

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.verification.findings import FindingKind
from taskmanager.application.verification.ledger import PartitionLedger, StoredProgress
from taskmanager.application.verification.topics import check_topics, lag

HERE, OTHER = Partition("requests", 0), Partition("requests", 1)


def ledger(next_offset: int, topic_id: str = "a") -> PartitionLedger:
    return PartitionLedger(HERE, StoredProgress(topic_id, 10, next_offset, {}), 0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("next_offset", [10, 15, 20])
def test_offsets_within_the_topic_are_right(next_offset: int) -> None:
    assert list(check_topics([ledger(next_offset)], {HERE: TopicEnds("a", 10, 20)})) == []


@pytest.mark.parametrize(
    ("stored", "ends", "kind"),
    [
        (ledger(21), TopicEnds("a", 10, 20), FindingKind.BEYOND_TOPIC_END),
        (ledger(11), TopicEnds("a", 12, 20), FindingKind.UNREAD_REMOVED),
        (ledger(15), TopicEnds("b", 0, 20), FindingKind.TOPIC_ID),
        (ledger(99), TopicEnds("b", 0, 20), FindingKind.TOPIC_ID),
    ],
)
def test_offsets_that_do_not_fit_the_topic_are_found(
    stored: PartitionLedger, ends: TopicEnds, kind: FindingKind
) -> None:
    (finding,) = check_topics([stored], {HERE: ends})
    assert (finding.kind, finding.where) == (kind, "requests/0")


def test_partitions_of_which_one_side_knows_nothing_are_no_finding() -> None:
    assert list(check_topics([ledger(5), ledger(5)._replace(progress=None)], {OTHER: TopicEnds("a", 0, 1)})) == []


def test_the_lag_is_what_is_not_read_yet_in_all_partitions() -> None:
    ends = {HERE: TopicEnds("a", 0, 20), OTHER: TopicEnds("a", 5, 12)}
    assert lag([ledger(15)], ends) == 5 + 7
    assert lag([ledger(25)], ends) == 0 + 7
