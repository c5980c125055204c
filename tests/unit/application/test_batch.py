"""Where partitions stand before and after a batch."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.application.batch import Batch
from taskmanager.application.changes import Outcome
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.ports import OffsetClaim
from tests.builders import NOON, at
from tests.fakes.batches import batch_of, numbered, partition_of
from tests.fakes.messages import NOON_MS, REQUESTS, STATUSES, TOPIC_IDS, report, request

_REQUESTS_0 = Partition(REQUESTS, 0)


def test_claims_are_sorted_and_say_where_each_partition_stood() -> None:
    batch = batch_of([report(offset=4), request(partition=1, offset=7), request(offset=2)], {_REQUESTS_0: 1})

    assert batch.claims() == [
        OffsetClaim(REQUESTS, 0, TOPIC_IDS[REQUESTS], 1),
        OffsetClaim(REQUESTS, 1, TOPIC_IDS[REQUESTS], 7),
        OffsetClaim(STATUSES, 0, TOPIC_IDS[STATUSES], 4),
    ]


def test_offsets_that_hold_no_message_count_as_skipped() -> None:
    progress = batch_of([request(offset=3), request(offset=4), request(offset=9)], {_REQUESTS_0: 1}).progress(NOON)

    assert (progress[_REQUESTS_0].start, progress[_REQUESTS_0].next_offset) == (1, 10)
    assert progress[_REQUESTS_0].outcomes == {Outcome.SKIPPED: 6}


def test_offsets_behind_the_last_message_count_as_skipped_and_tell_no_time() -> None:
    other = Partition(STATUSES, 2)
    batch = batch_of([request(offset=3)], {_REQUESTS_0: 3, other: 7}, {_REQUESTS_0: 6, other: 9})
    progress = batch.progress(NOON)

    assert batch.ends == {_REQUESTS_0: 6, other: 9}
    assert [claim.start for claim in batch.claims()] == [3, 7]
    assert progress[_REQUESTS_0].outcomes == progress[other].outcomes == {Outcome.SKIPPED: 2}
    assert (progress[_REQUESTS_0].ingested_at, progress[other].ingested_at) == (NOON, None)


def test_an_end_that_messages_have_passed_says_nothing() -> None:
    other = Partition(STATUSES, 2)
    batch = batch_of([request(offset=3), request(offset=5)], {_REQUESTS_0: 3, other: 7}, {_REQUESTS_0: 5, other: 7})

    assert batch.ends == {_REQUESTS_0: 6}


@pytest.mark.parametrize(
    ("timestamp_ms", "reached"),
    [
        (NOON_MS + 5_000, at(5)),
        (NOON_MS + 3_600_000, at(60)),
        (2**63 - 1, at(60)),
        (None, None),
        (0, None),
        (-1, None),
        (-(2**63), None),
    ],
)
def test_ingested_time_is_kafkas_but_never_ahead_of_now(timestamp_ms: int | None, reached: object) -> None:
    progress = batch_of([request(timestamp_ms=timestamp_ms)]).progress(at(60))

    assert progress[_REQUESTS_0].ingested_at == reached


def test_the_last_message_of_a_partition_tells_the_ingested_time() -> None:
    messages = numbered([request(timestamp_ms=NOON_MS + 9_000), request(timestamp_ms=NOON_MS + 4_000)])

    assert batch_of(messages).progress(at(60))[_REQUESTS_0].ingested_at == NOON + timedelta(seconds=4)


_SENT = st.lists(st.tuples(st.sampled_from([REQUESTS, STATUSES]), st.integers(0, 2), st.integers(0, 3)), min_size=2)


def _messages(sent: list[tuple[str, int, int]]) -> list[InboundMessage]:
    """Messages with gaps of the given sizes before each."""
    ends: dict[Partition, int] = {}
    messages = []
    for topic, partition, gap in sent:
        offset = ends.get(Partition(topic, partition), 0) + gap
        ends[Partition(topic, partition)] = offset + 1
        messages.append(request(partition=partition, offset=offset)._replace(topic=topic))
    return messages


_REACHED = st.dictionaries(
    st.builds(Partition, st.sampled_from([REQUESTS, STATUSES]), st.integers(0, 3)), st.integers(0, 40)
)


@given(_SENT, _REACHED)
def test_halves_follow_each_other_and_come_to_the_same(
    sent: list[tuple[str, int, int]], reached: dict[Partition, int]
) -> None:
    messages = _messages(sent)
    whole = batch_of(messages, dict.fromkeys([*map(partition_of, messages), *reached], 0), reached)
    first, second = whole.halves()

    assert [*first.messages, *second.messages] == whole.messages
    assert [*first.commands, *second.commands] == whole.commands
    moved, then = first.progress(NOON), second.progress(NOON)
    for partition, expected in whole.progress(NOON).items():
        parts = [half[partition] for half in (moved, then) if partition in half]
        joined = parts[0].followed_by(parts[1]) if len(parts) == 2 else parts[0]
        assert (joined.start, joined.next_offset, joined.outcomes) == (
            expected.start,
            expected.next_offset,
            expected.outcomes,
        )
        assert all(before.next_offset == after.start for before, after in pairwise(parts))


@given(_SENT)
def test_halving_ends_at_single_messages(sent: list[tuple[str, int, int]]) -> None:
    def singles(batch: Batch) -> int:
        return 1 if len(batch) == 1 else sum(map(singles, batch.halves()))

    assert singles(batch_of(_messages(sent))) == len(sent)
