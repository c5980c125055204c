"""What listeners get, in which order, and when they are sent away."""

import asyncio

import pytest

from taskmanager.application.event_log import LoggedEvent
from taskmanager.application.feed.hub import EventHub, HubClosed, HubFull
from taskmanager.application.feed.model import EventFilter, TaskFacts
from taskmanager.application.feed.ring import Ring
from taskmanager.application.feed.subscription import FellBehind
from taskmanager.application.ports import StoreUnavailable
from tests.builders import task_id
from tests.fakes.event_feed import ANN, BEN, CountedStreams, RemoteLog, listen
from tests.fakes.event_log import InMemoryEventLog

A_WHILE = 2.0


async def test_without_a_position_it_gets_what_comes_from_now_on(hub: EventHub, log: InMemoryEventLog) -> None:
    log.append(3)
    listener = await listen(hub)
    log.append(2)
    await asyncio.sleep(A_WHILE)

    assert listener.seqs == [4, 5]


async def test_with_a_position_it_gets_what_it_missed_and_then_what_comes(hub: EventHub, log: InMemoryEventLog) -> None:
    log.append(700)
    listener = await listen(hub, after=3)
    log.append(2)
    await asyncio.sleep(A_WHILE)
    log.append()
    await asyncio.sleep(A_WHILE)

    assert listener.seqs == list(range(4, 704))


async def test_what_is_still_kept_for_all_is_not_read_again(
    hub: EventHub, log: InMemoryEventLog, remote: RemoteLog
) -> None:
    first = await listen(hub)
    log.append(8)
    await asyncio.sleep(A_WHILE)
    second = await listen(hub, after=5)
    await asyncio.sleep(A_WHILE)

    assert (first.seqs, second.seqs) == ([1, 2, 3, 4, 5, 6, 7, 8], [6, 7, 8])
    assert remote.pages == 0


async def test_a_position_that_the_log_has_not_reached_waits_for_it(hub: EventHub, log: InMemoryEventLog) -> None:
    log.append(2)
    listener = await listen(hub, after=4)
    log.append(4)
    await asyncio.sleep(A_WHILE)

    assert listener.seqs == [5, 6]


async def test_an_event_that_was_being_written_when_it_came_is_not_lost(hub: EventHub, log: InMemoryEventLog) -> None:
    writing = log.begin()
    writing.append()
    log.append()
    coming = asyncio.create_task(listen(hub))
    await asyncio.sleep(A_WHILE)
    later = log.begin()
    later.append()
    log.append()
    assert not coming.done()

    writing.commit()
    listener = await coming
    later.commit()
    await asyncio.sleep(A_WHILE)

    assert listener.seqs == [3, 4]


async def test_the_second_listener_waits_for_nobody(hub: EventHub, log: InMemoryEventLog) -> None:
    first = await listen(hub)
    writing = log.begin()
    writing.append()
    log.append()
    await asyncio.sleep(A_WHILE)

    second = await asyncio.wait_for(listen(hub), 0.001)
    writing.commit()
    await asyncio.sleep(A_WHILE)

    assert first.seqs == second.seqs == [1, 2]


async def test_a_transaction_that_writes_without_end_is_named_as_the_reason(
    hub: EventHub, log: InMemoryEventLog
) -> None:
    writing = log.begin()
    writing.append()

    with pytest.raises(StoreUnavailable, match="writing events for more than 5 s"):
        await listen(hub)
    writing.release()
    await listen(hub)


async def test_each_gets_the_events_of_its_filter(hub: EventHub, log: InMemoryEventLog, remote: RemoteLog) -> None:
    remote.facts_of[task_id(2)] = TaskFacts(BEN, "new")
    everything = await listen(hub)
    of_ben = await listen(hub, EventFilter(owner=BEN))
    of_one = await listen(hub, EventFilter(task_id=task_id(3)))
    log.append(4)
    await asyncio.sleep(A_WHILE)

    assert [each.seqs for each in (everything, of_ben, of_one)] == [[1, 2, 3, 4], [2], [3]]


async def test_a_bound_listener_that_asks_for_another_user_gets_nothing(
    hub: EventHub, log: InMemoryEventLog, remote: RemoteLog
) -> None:
    log.append(3)
    listener = await listen(hub, EventFilter(owner=BEN, user_email=ANN), after=0)
    log.append(3)
    await asyncio.sleep(A_WHILE)

    assert listener.seqs == []


async def test_events_of_others_do_not_make_it_fall_behind_or_wake_up(
    hub: EventHub, log: InMemoryEventLog, remote: RemoteLog
) -> None:
    listener = await listen(hub, EventFilter(owner=BEN))
    for _ in range(5):
        log.append(10)
        await asyncio.sleep(A_WHILE)
    remote.facts_of[task_id(51)] = TaskFacts(BEN, "new")
    log.append()
    await asyncio.sleep(A_WHILE)

    assert (listener.seqs, listener.chunks) == ([51], 1)
    assert listener.subscription.position == 51


async def test_it_hears_at_intervals_that_nothing_has_come(hub: EventHub, log: InMemoryEventLog) -> None:
    listener = await listen(hub)
    await asyncio.sleep(50)

    assert (listener.chunks, listener.silences) == (3, 3)


async def test_one_that_does_not_take_what_comes_falls_behind_alone(
    hub: EventHub, log: InMemoryEventLog, metrics: CountedStreams
) -> None:
    quick = await listen(hub)
    slow = await hub.subscribe(EventFilter(), None)
    log.append()
    assert await slow.next() == b"1 "
    for _ in range(11):
        log.append()
        await asyncio.sleep(A_WHILE)

    with pytest.raises(FellBehind):
        await slow.next()
    hub.leave(slow, "behind")

    assert quick.seqs == list(range(1, 13))
    assert (metrics.reasons, metrics.listeners, metrics.events) == (["behind"], 1, 12)


async def test_one_that_fell_behind_comes_back_for_the_rest(hub: EventHub, log: InMemoryEventLog) -> None:
    await listen(hub)
    slow = await hub.subscribe(EventFilter(), None)
    log.append(40)
    await asyncio.sleep(A_WHILE)
    hub.leave(slow, "behind")

    again = await listen(hub, after=slow.position)
    await asyncio.sleep(A_WHILE)

    assert again.seqs == list(range(1, 41))


async def test_while_the_database_is_away_it_hears_so_much_and_then_goes_on(
    hub: EventHub, log: InMemoryEventLog, remote: RemoteLog
) -> None:
    log.append(30)
    live, catching_up = await listen(hub), await listen(hub, after=0)
    remote.is_away = True
    log.append(2)
    await asyncio.sleep(31)
    assert (live.seqs, live.silences, catching_up.silences) == ([], 2, 2)

    remote.is_away = False
    await asyncio.sleep(A_WHILE)

    assert (live.seqs, catching_up.seqs) == ([31, 32], list(range(1, 33)))


async def test_events_whose_users_could_not_be_found_are_read_again(
    log: InMemoryEventLog, ring: Ring, metrics: CountedStreams
) -> None:
    class Forgetful(RemoteLog):
        failures = 2

        async def facts(self, task_ids):
            if self.failures:
                self.failures -= 1
                raise StoreUnavailable("the server is away")
            return await super().facts(task_ids)

    remote = Forgetful(log)
    hub = EventHub(remote, remote, ring, metrics)
    listener = await listen(hub)
    log.append(2)
    await asyncio.sleep(A_WHILE)
    await hub.close()

    assert (remote.failures, listener.seqs) == (0, [1, 2])


async def test_without_a_database_nobody_can_begin(hub: EventHub, remote: RemoteLog, metrics: CountedStreams) -> None:
    remote.is_away = True
    with pytest.raises(StoreUnavailable):
        await listen(hub)
    assert metrics.listeners == 0

    remote.is_away = False
    await listen(hub)
    assert metrics.listeners == 1


async def test_there_are_not_more_listeners_than_allowed(hub: EventHub, log: InMemoryEventLog) -> None:
    first, *_ = [await listen(hub) for _ in range(3)]
    with pytest.raises(HubFull):
        await listen(hub)

    await first.leave()
    await listen(hub)


async def test_the_log_is_followed_only_while_somebody_listens(
    hub: EventHub, log: InMemoryEventLog, metrics: CountedStreams
) -> None:
    assert log.reads == 0
    listener = await listen(hub)
    await listener.leave()
    reads = log.reads
    log.append(5)
    await asyncio.sleep(A_WHILE)
    assert (log.reads, metrics.listeners) == (reads, 0)

    later = await listen(hub)
    log.append()
    await asyncio.sleep(A_WHILE)
    assert later.seqs == [6]


async def test_one_that_gives_up_while_it_waits_for_the_end_of_the_log_leaves_nothing_behind(
    hub: EventHub, log: InMemoryEventLog, metrics: CountedStreams
) -> None:
    log.begin().append()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(listen(hub), 1)
    lookups = log.lookups
    await asyncio.sleep(A_WHILE)

    assert (log.lookups, metrics.listeners) == (lookups, 0)


async def test_closing_ends_all_and_lets_nobody_in(hub: EventHub, log: InMemoryEventLog, remote: RemoteLog) -> None:
    log.append(20)
    live, catching_up = await listen(hub), await listen(hub, after=0)
    log.begin().append()
    before = asyncio.get_running_loop().time()
    await hub.close()
    await asyncio.gather(live.task, catching_up.task)

    assert asyncio.get_running_loop().time() == before
    with pytest.raises(HubClosed):
        await listen(hub)
    await hub.close()


async def test_closing_ends_those_who_have_not_begun(hub: EventHub, log: InMemoryEventLog) -> None:
    log.begin().append()
    coming = asyncio.create_task(listen(hub))
    await asyncio.sleep(A_WHILE)
    await hub.close()

    with pytest.raises(HubClosed):
        await coming


async def test_a_defect_ends_the_streams_and_the_next_listener_begins_anew(
    log: InMemoryEventLog, ring: Ring, metrics: CountedStreams
) -> None:
    class Defective(RemoteLog):
        is_broken = True

        async def read(self, after: int, limit: int) -> list[LoggedEvent]:
            if self.is_broken:
                raise KeyError("a mistake of ours")
            return list(await super().read(after, limit))

    remote = Defective(log)
    hub = EventHub(remote, remote, ring, metrics)
    listener = await listen(hub)
    await asyncio.wait_for(listener.task, A_WHILE)
    await listener.leave()

    remote.is_broken = False
    later = await listen(hub)
    log.append()
    await asyncio.sleep(A_WHILE)
    await hub.close()

    assert later.seqs == [1]
