"""What listeners get, and in which order."""

import asyncio

import pytest

from taskmanager.application.feed.hub import EventHub
from taskmanager.application.feed.log_end import BeyondEnd
from taskmanager.application.feed.model import EventFilter, TaskFacts
from taskmanager.application.feed.subscription import FellBehind
from taskmanager.application.ports import StoreUnavailable
from tests.builders import task_id
from tests.fakes.event_feed import ANN, BEN, CountedStreams, RemoteLog, listen
from tests.fakes.event_log import InMemoryEventLog, logged

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
    log.last += 2  # somebody was given these numbers
    listener = await listen(hub, after=4)
    log.append(2)
    await asyncio.sleep(A_WHILE)

    assert listener.seqs == [5, 6]


async def test_a_position_that_no_event_ever_had_is_refused(hub: EventHub, log: InMemoryEventLog) -> None:
    log.append(3)
    with pytest.raises(BeyondEnd):
        await hub.subscribe(EventFilter(), 4)
    assert (await listen(hub, after=3)).seqs == []


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


async def test_events_of_others_do_not_push_aside_what_it_has_not_taken_yet(
    hub: EventHub, log: InMemoryEventLog, remote: RemoteLog
) -> None:
    remote.facts_of[task_id(1)] = TaskFacts(BEN, "new")
    slow = await hub.subscribe(EventFilter(owner=BEN), None)
    log.append()
    await asyncio.sleep(A_WHILE)
    log.append()
    await asyncio.sleep(A_WHILE)

    assert await slow.next() == b"1 "
    hub.leave(slow)


async def test_a_deletion_is_wanted_for_the_status_that_it_leaves(
    hub: EventHub, log: InMemoryEventLog, remote: RemoteLog
) -> None:
    listener = await listen(hub, EventFilter(statuses=frozenset({"completed"})))
    log.append()  # whose task is known from now on
    await asyncio.sleep(A_WHILE)
    remote.facts_of[task_id(1)] = TaskFacts(ANN, "completed")
    log.last = 2
    log.visible[2] = logged(2, task_id=str(task_id(1)), version=2, type="TaskDeleted")
    await asyncio.sleep(A_WHILE)

    assert listener.seqs == [2]


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
