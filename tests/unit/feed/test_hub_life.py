"""How the hub lives through outages, defects and its end, and whom it lets in."""

import asyncio

import pytest

from taskmanager.application.event_log import LoggedEvent
from taskmanager.application.feed.hub import EventHub, HubClosed, HubFull
from taskmanager.application.feed.ring import Ring
from taskmanager.application.ports import StoreUnavailable
from tests.fakes.event_feed import CountedStreams, RemoteLog, listen
from tests.fakes.event_log import InMemoryEventLog

A_WHILE = 2.0


async def test_a_log_that_has_come_less_far_than_before_ends_the_streams(
    hub: EventHub, log: InMemoryEventLog, remote: RemoteLog
) -> None:
    log.append(10)
    listener = await listen(hub)
    remote.is_away = True
    await asyncio.sleep(A_WHILE)
    # As after a failover to a server that lacks the last events.
    for seq in range(6, 11):
        del log.visible[seq]
    log.last = 5
    remote.is_away = False
    await asyncio.sleep(A_WHILE)
    assert listener.task.done()

    again = await listen(hub, after=5)
    log.append()
    await asyncio.sleep(A_WHILE)
    assert again.seqs == [6]


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
