"""What the reader of the log may ask for, what it waits for, and what it does not."""

import pytest

from taskmanager.application.event_log import HighWaterReader, LoggedEvent, LogWriter
from taskmanager.application.ports import StoreUnavailable
from tests.fakes.event_log import InMemoryEventLog, logged


async def seqs(reader: HighWaterReader) -> list[int]:
    return [event.seq for event in await reader.next()]


async def test_without_a_gap_each_page_costs_one_look() -> None:
    log = InMemoryEventLog()
    log.append(5)
    reader = HighWaterReader(log, 0, limit=2)

    assert [await seqs(reader) for _ in range(4)] == [[1, 2], [3, 4], [5], []]
    assert (log.reads, log.lookups) == (4, 0)
    assert reader.position == 5


async def test_what_comes_before_a_gap_is_handed_out_without_asking_for_writers() -> None:
    log = InMemoryEventLog()
    log.append(2)
    under_way = log.begin()
    under_way.append()
    log.append()
    reader = HighWaterReader(log, 0)

    assert await seqs(reader) == [1, 2]
    assert log.lookups == 0
    assert await seqs(reader) == []
    under_way.commit()
    assert await seqs(reader) == [3, 4]


async def test_numbers_of_the_past_that_are_gone_cost_two_looks_however_many_they_are() -> None:
    log = InMemoryEventLog()
    log.last = 5_000_000
    log.append(3)
    reader = HighWaterReader(log, 0)

    assert await seqs(reader) == [5_000_001, 5_000_002, 5_000_003]
    assert (log.reads, log.lookups) == (2, 1)


async def test_many_dead_numbers_on_a_page_cost_as_little_as_one() -> None:
    log = InMemoryEventLog()
    for _ in range(50):
        log.append()
        log.begin().append()
    log.holders.clear()  # all of these were rolled back
    reader = HighWaterReader(log, 0)

    assert await seqs(reader) == [1]
    assert await seqs(reader) == list(range(3, 100, 2))
    assert log.lookups == 1


async def test_a_writer_that_came_after_the_snapshot_is_not_waited_for() -> None:
    log = InMemoryEventLog()
    aborting = log.begin()
    aborting.append()
    log.append()
    reader = HighWaterReader(log, 0)
    assert await seqs(reader) == []
    log.begin().append()  # and stays open

    aborting.release()

    assert await seqs(reader) == [2]


async def test_writers_that_follow_each_other_without_a_pause_do_not_hold_it_up() -> None:
    log = InMemoryEventLog()
    aborting = log.begin()
    aborting.append()
    overlapping = log.begin()
    overlapping.append()
    reader = HighWaterReader(log, 0)
    log.append()
    assert await seqs(reader) == []

    aborting.release()
    following = log.begin()
    following.append()
    overlapping.commit()

    assert await seqs(reader) == [2, 3]
    assert await seqs(reader) == []
    following.commit()
    assert await seqs(reader) == [4]


async def test_a_page_that_is_cut_says_nothing_of_what_lies_behind_it() -> None:
    log = InMemoryEventLog()
    first, second = log.begin(), log.begin()
    first.append()
    log.append(2)
    reader = HighWaterReader(log, 0, limit=2)
    assert await seqs(reader) == []
    second.append()
    log.append()

    first.release()
    assert await seqs(reader) == [2, 3]
    assert await seqs(reader) == []  # the suspects of the first gap are not those of the second

    second.commit()
    assert [await seqs(reader), await seqs(reader)] == [[4, 5], []]


async def test_a_gap_that_shows_up_while_it_waits_has_suspects_of_its_own() -> None:
    log = InMemoryEventLog()
    first, second = log.begin(), log.begin()
    first.append()
    log.append()
    reader = HighWaterReader(log, 0)
    assert await seqs(reader) == []
    second.append()
    log.append()
    assert await seqs(reader) == []

    first.release()
    assert [await seqs(reader), await seqs(reader)] == [[2], []]

    second.commit()
    assert await seqs(reader) == [3, 4]


async def test_while_it_is_blocked_it_does_not_read_all_that_piles_up() -> None:
    asked: list[int] = []

    class Recording(InMemoryEventLog):
        async def read(self, after: int, limit: int) -> list[LoggedEvent]:
            asked.append(limit)
            return list(await super().read(after, limit))

    log = Recording()
    under_way = log.begin()
    under_way.append()
    log.append(3000)
    reader = HighWaterReader(log, 0, limit=2000)
    assert [await seqs(reader) for _ in range(3)] == [[], [], []]
    under_way.commit()

    handed = [await seqs(reader) for _ in range(3)]

    assert asked[:3] == [2000, 100, 100]
    assert [len(page) for page in handed] == [100, 2000, 901]
    assert [seq for page in handed for seq in page] == list(range(1, 3002))


async def test_a_prepared_writer_that_got_another_name_is_still_waited_for() -> None:
    log = InMemoryEventLog()
    prepared = log.begin()
    prepared.append()
    log.append()
    reader = HighWaterReader(log, 0)
    assert await seqs(reader) == []

    prepared.prepare()
    log.restart()
    assert await seqs(reader) == []
    prepared.commit()

    assert await seqs(reader) == [1, 2]


@pytest.mark.parametrize("failing", ["read", "writers"])
async def test_after_a_failure_it_goes_on_where_it_stood(failing: str) -> None:
    class Unreliable(InMemoryEventLog):
        fails = False

        async def read(self, after: int, limit: int) -> list[LoggedEvent]:
            self.fail("read")
            return list(await super().read(after, limit))

        async def writers(self) -> frozenset[LogWriter]:
            self.fail("writers")
            return await super().writers()

        def fail(self, method: str) -> None:
            if self.fails and method == failing:
                raise StoreUnavailable("the server is away")

    log = Unreliable()
    log.append()
    dead = log.begin()
    dead.append()
    log.append()
    reader = HighWaterReader(log, 0)
    assert await seqs(reader) == [1]
    dead.release()
    log.fails = True
    with pytest.raises(StoreUnavailable):
        await reader.next()
    assert reader.position == 1

    log.fails = False
    assert await seqs(reader) == [3]


async def test_it_begins_behind_a_stored_position() -> None:
    log = InMemoryEventLog()
    log.append(3)

    assert await HighWaterReader(log, 2).next() == [logged(3)]
