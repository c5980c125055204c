"""What is kept for all listeners, and for how long."""

from taskmanager.application.feed.model import EventFilter
from taskmanager.application.feed.ring import Entry, Ring
from tests.fakes.event_feed import ANN, BEN, number
from tests.fakes.event_log import logged

EVERYTHING = EventFilter()


def entries(*seqs: int, user: str = ANN, data: str | None = None) -> list[Entry]:
    return [Entry(logged(seq, data=data), user, "new") for seq in seqs]


def test_it_hands_out_what_comes_behind_a_position() -> None:
    ring = Ring(number)
    ring.restart(7)
    ring.extend(entries(9, 10, 13))

    assert ring.chunk(EVERYTHING, 7) == (b"9 10 13 ", 13)
    assert ring.chunk(EVERYTHING, 10) == (b"13 ", 13)
    assert ring.chunk(EVERYTHING, 13) == (b"", 13)
    assert ring.chunk(EVERYTHING, 20) == (b"", 20)


def test_what_is_not_wanted_is_passed_over() -> None:
    ring = Ring(number)
    ring.extend([*entries(1, 2, user=ANN), *entries(3, user=BEN), *entries(4, user=ANN)])

    assert ring.chunk(EventFilter(owner=BEN), 0) == (b"3 ", 4)
    assert ring.chunk(EventFilter(types=frozenset({"TaskDeleted"})), 0) == (b"", 4)
    assert ring.chunk(EventFilter(statuses=frozenset({"new"})), 2) == (b"3 4 ", 4)


def test_the_oldest_go_when_there_are_too_many() -> None:
    ring = Ring(number, count_max=3)
    for seq in range(2, 40, 2):
        ring.extend(entries(seq))

        assert ring.floor == max(seq - 6, 0)
        assert ring.covers(ring.floor)
        assert not ring.covers(ring.floor - 1)
        kept = range(max(2, seq - 4), seq + 1, 2)
        assert ring.chunk(EVERYTHING, ring.floor) == (b"".join(b"%d " % each for each in kept), seq)


def test_the_oldest_go_when_they_are_too_large() -> None:
    ring = Ring(number, bytes_max=1 << 20)
    ring.extend(entries(1, 2, 3, data="x" * (1 << 18)))

    assert ring.floor == 2
    ring.extend(entries(4, data="x" * (2 << 20)))
    assert (ring.floor, ring.chunk(EVERYTHING, 4)) == (4, (b"", 4))


def test_chunks_are_cut_between_events_and_an_event_is_never_cut() -> None:
    ring = Ring(lambda event: b"x" * 40_000)
    ring.extend(entries(1, 2, 3))
    assert [len(ring.chunk(EVERYTHING, position)[0]) for position in range(3)] == [40_000] * 3

    ring = Ring(lambda event: b"x" * 100_000)
    ring.extend(entries(1, 2))
    assert ring.chunk(EVERYTHING, 0) == (b"x" * 100_000, 1)


def test_an_event_is_encoded_once_and_only_if_somebody_wants_it() -> None:
    encoded: list[int] = []

    def encode(event):
        encoded.append(event.sequence)
        return b"%d " % event.sequence

    ring = Ring(encode)
    ring.extend(entries(1, 2))
    assert encoded == []
    ring.chunk(EventFilter(owner=ANN), 0)
    ring.chunk(EVERYTHING, 1)
    assert encoded == [1, 2]


def test_the_same_answer_is_one_object_for_all_until_there_is_more() -> None:
    ring = Ring(number)
    ring.extend(entries(1, 2))
    first, again = ring.chunk(EVERYTHING, 0), ring.chunk(EventFilter(), 0)
    assert first[0] is again[0]

    ring.extend(entries(3))
    assert ring.chunk(EVERYTHING, 0) == (b"1 2 3 ", 3)


def test_the_answers_that_are_shared_do_not_pile_up() -> None:
    ring = Ring(number)
    ring.extend(entries(*range(1, 1001)))
    for position in range(1000):
        ring.chunk(EVERYTHING, position)

    assert len(ring._chunks) <= 64
