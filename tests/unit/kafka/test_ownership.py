"""Every partition has exactly one owner, whatever the numbers of processes are."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from taskmanager.api.kafka.ownership import PinnedOwnership
from taskmanager.application.commands import Partition
from tests.fakes.consumer import Seconds
from tests.fakes.messages import REQUESTS, STATUSES

_COUNTS = st.lists(st.integers(1, 5), min_size=1, max_size=5)


def owned(slot: int, ordinal: int, replicas: int, count: int, **partitions: int) -> list[Partition]:
    """What one process owns of five partitions of requests and three of reports, unless it is told otherwise."""
    totals = {REQUESTS: partitions.get("requests", 5), STATUSES: partitions.get("statuses", 3)}
    return PinnedOwnership(slot, ordinal, replicas, lambda: count, Seconds()).owned(totals)


@given(_COUNTS, st.integers(0, 30), st.integers(0, 30), st.integers(0, 4))
def test_every_partition_has_one_owner_with_any_number_of_processes_in_each_container(
    counts: list[int], requests: int, statuses: int, spare: int
) -> None:
    owners: Counter[Partition] = Counter()
    for ordinal, count in enumerate(counts):
        for slot in range(count + spare):
            owners.update(owned(slot, ordinal, len(counts), count, requests=requests, statuses=statuses))

    everything = [Partition(REQUESTS, n) for n in range(requests)] + [Partition(STATUSES, n) for n in range(statuses)]
    assert owners == Counter(everything)


@given(_COUNTS, st.integers(1, 60))
def test_the_processes_of_a_container_differ_by_one_partition_at_most(counts: list[int], requests: int) -> None:
    for ordinal, count in enumerate(counts):
        shares = [len(owned(slot, ordinal, len(counts), count, requests=requests, statuses=0)) for slot in range(count)]
        assert max(shares) - min(shares) <= 1


def test_equal_numbers_of_both_topics_belong_together() -> None:
    assert owned(1, 0, 1, 2, requests=4, statuses=4) == [
        Partition(REQUESTS, 1), Partition(REQUESTS, 3), Partition(STATUSES, 1), Partition(STATUSES, 3),
    ]  # fmt: skip


def test_a_change_in_one_container_moves_no_partition_of_another() -> None:
    before = [owned(slot, 1, 3, 2, requests=20) for slot in range(2)]
    after = [owned(slot, 0, 3, 4, requests=20) for slot in range(4)]

    moved = {partition.partition for share in after for partition in share if partition.topic == REQUESTS}
    assert moved == set(range(0, 20, 3))
    assert not moved & {partition.partition for share in before for partition in share if partition.topic == REQUESTS}


def test_a_change_of_the_number_is_seen_half_a_second_later_and_until_it_is_heeded() -> None:
    clock, count, reads = Seconds(), 1, 0

    def read() -> int:
        nonlocal reads
        reads += 1
        return count

    ownership = PinnedOwnership(0, 0, 1, read, clock)
    assert len(ownership.owned({REQUESTS: 4})) == 4
    count, reads = 2, 0
    assert [ownership.has_changed() for _ in range(100)] == [False] * 100
    assert reads == 0
    for _ in range(2):
        clock.now += 0.5
        assert ownership.has_changed()
    assert len(ownership.owned({REQUESTS: 4})) == 2
    clock.now += 0.5
    assert not ownership.has_changed()
