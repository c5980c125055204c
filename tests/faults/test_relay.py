"""Relays are frozen and killed while they publish: order stays, nothing is lost, and nobody speaks out of turn."""

import os
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from taskmanager.devstack.topics import create_topics, delete_topics

from .programs import Program
from .relays import EventsTopic, leader, reached, verify_order
from .traffic import Stream
from .waiting import until
from .world import World

EVENTS = int(os.environ.get("FAULT_EVENTS", "12000"))
KILLS = int(os.environ.get("FAULT_KILLS", "6"))
FAILOVER_SECONDS_MAX = 5.0
_PARTITIONS = 6

_Tell = Callable[[str], None]


@pytest.fixture
def topic(world: World) -> Iterator[EventsTopic]:
    """A topic of the relays' own."""
    name = f"events-{world.requests}"
    world.environment["TASK_EVENTS_TOPIC"] = name
    create_topics(world.database.info.kafka_brokers, {name: _PARTITIONS})
    yield EventsTopic(world.database.info.kafka_brokers, name, _PARTITIONS)
    world.close()  # a relay would make the topic anew
    delete_topics(world.database.info.kafka_brokers, [name])


def await_published(world: World, seconds: float = 60.0) -> dict[str, int]:
    """Returns when everything that was sent is read and published; how many events each task has."""
    world.await_settled(seconds)
    last = world.database.value("select max(seq) from task_events")
    until(lambda: reached(world).position == last, f"everything published up to {last}", seconds)
    return dict(world.database.run("select task_id::text, count(*) from task_events group by task_id"))


def frozen_in_mid_transaction(world: World, topic: EventsTopic, relays: list[Program]) -> Program:
    """The leader, stopped while it has published something that is not committed."""

    def freeze() -> Program | None:
        leading = leader(world, relays)
        leading.freeze()
        if topic.has_open_transaction:
            return leading
        leading.thaw()
        return None

    return until(freeze, "a leader caught in mid-transaction", 60)


def test_a_leader_that_was_frozen_past_its_succession_publishes_nothing_more(
    world: World, topic: EventsTopic, tell: _Tell
) -> None:
    world.start("consumer")
    relays = [world.start("relay") for _ in range(2)]

    def await_more(count: int, what: str) -> None:
        goal = reached(world).position + count
        until(lambda: reached(world).position >= goal, what)

    with Stream(world.sender, world.lives):
        await_more(1000, "events on the topic")
        frozen = frozen_in_mid_transaction(world, topic, relays)
        began, before = monotonic(), reached(world)
        (other,) = (relay for relay in relays if relay is not frozen)

        until(lambda: reached(world).position > before.position, "the first commit of another relay")
        failover = monotonic() - began
        assert leader(world, relays) is other
        assert reached(world).epoch == before.epoch + 1
        await_more(1000, "the other relay at work")

        while_frozen = topic.ends()
        frozen.thaw()
        until(lambda: frozen.events("relay_steps_down"), "the former leader knows that it is over")
        await_more(1000, "the other relay still at work")
    events = await_published(world)

    assert reached(world).epoch == before.epoch + 1
    assert leader(world, relays) is other
    published = topic.read()
    again = verify_order(published, events)
    assert [event for event in again if event.offset >= while_frozen[event.partition]] == []
    tell(f"{failover:.2f} s from the leader's freeze to the next relay's first commit; ")
    tell(f"{len(again)} of {len(published):,} events came again, none of them after it went on")
    assert failover < FAILOVER_SECONDS_MAX


@pytest.mark.timeout(60 + 20 * KILLS)
def test_leaders_are_killed_in_mid_transaction_and_elsewhere_and_every_event_comes_in_order(
    world: World, topic: EventsTopic, tell: _Tell
) -> None:
    world.start("consumer")
    relays = [world.start("relay") for _ in range(2)]
    failovers: list[float] = []

    def stands_by(relay: Program) -> bool:
        return len(relay.events("relay_leads")) < len(relay.events("relay_stands_by"))

    for kill in range(KILLS):
        with Stream(world.sender, world.lives):
            goal = EVENTS * (kill + 1) // (KILLS + 1)
            until(lambda goal=goal: reached(world).position >= goal, f"{goal} events published", 60)
            until(lambda relays=relays: sum(map(stands_by, relays)) == 1, "a relay that stands by")
            killed = leader(world, relays) if kill % 2 else frozen_in_mid_transaction(world, topic, relays)
            before = reached(world)
            killed.kill()
            began = monotonic()
            until(lambda before=before: reached(world).position > before.position, "the first commit of another relay")
            failovers.append(monotonic() - began)
        relays = [relay for relay in relays if relay is not killed] + [world.start("relay")]
    world.send(world.lives.first(max(0, EVENTS - world.sender.stored)))
    events = await_published(world, 120)

    published = topic.read()
    again = verify_order(published, events)
    assert sum(events.values()) >= EVENTS
    ordered = sorted(failovers)
    tell(
        f"{KILLS} leaders killed, half of them in mid-transaction, during {sum(events.values()):,} events; next commit "
    )
    tell(f"after {ordered[KILLS // 2]:.2f} s (median), {ordered[-1]:.2f} s (longest); {len(again):,} came again")
    assert ordered[-1] < FAILOVER_SECONDS_MAX


def test_a_relay_that_cannot_reach_kafka_gives_way_to_one_that_can(
    world: World, topic: EventsTopic, tell: _Tell
) -> None:
    began = monotonic()
    cut_off = world.start("relay", KAFKA_BROKERS="127.0.0.1:1")
    until(lambda: cut_off.events("relay_steps_down"), "the relay that is cut off knows it")
    world.start("consumer")
    world.start("relay")
    world.send(world.lives.first(60))
    events = await_published(world)

    assert cut_off.is_alive
    tell(f"published {monotonic() - began:.1f} s after the start of a relay without a way to Kafka")
    assert verify_order(topic.read(), events) == []
