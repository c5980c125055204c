"""A round of rules: one that fails is one that fails."""

import math
from collections.abc import Mapping, Sequence

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases.housekeeping.housekeeper import Housekeeper
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestedPartition, IngestionClock, Reading
from taskmanager.application.use_cases.housekeeping.rule import Done
from taskmanager.infrastructure.metrics.housekeeping import HousekeeperMetrics
from tests.fakes.clock import FixedClock
from tests.fakes.seconds import Seconds


class Named:
    """A rule that does what it is told to."""

    def __init__(self, name: str, answer: Done | Exception) -> None:
        self.name = name
        self.readings: list[Reading] = []
        self._answer = answer

    async def apply(self, reading: Reading) -> Done:
        self.readings.append(reading)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    async def preview(self, reading: Reading) -> Done:
        return await self.apply(reading)

    async def outlook(self, reading: Reading) -> str:
        return "there is nothing"


class Kafka:
    """One partition, whose end moves."""

    def __init__(self) -> None:
        self.end: int | None = 0
        self.fails = False

    async def ends(self) -> Mapping[Partition, TopicEnds] | None:
        return None if self.end is None else {Partition("t", 0): TopicEnds("id", 0, self.end)}

    async def ingested(self) -> Mapping[Partition, IngestedPartition]:
        if self.fails:
            raise StoreUnavailable("the server is away")
        return {}

    async def pause(self, seconds: float) -> None:
        """Does not wait."""


class Beats:
    """Counts signs of life."""

    def __init__(self) -> None:
        self.count = 0

    def beat(self) -> None:
        self.count += 1


class House:
    """A housekeeper, and what can be seen of it."""

    def __init__(self, *rules: Named, long_rules: Sequence[Named] = ()) -> None:
        self.registry = CollectorRegistry()
        self.kafka = Kafka()
        self.pulse = Beats()
        self.seconds = Seconds()
        clock = FixedClock()
        self.housekeeper = Housekeeper(
            IngestionClock(self.kafka, self.kafka.ends, clock, self.kafka.pause),
            rules,
            clock,
            HousekeeperMetrics(self.registry),
            self.pulse,
            long_rules=long_rules,
            monotonic=self.seconds,
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), OSError("disk"), KeyError("a mistake of ours")])
async def test_a_rule_that_fails_does_not_keep_the_others_from_being_applied(error: Exception) -> None:
    first, failing, last = Named("a", Done({"moved": 2})), Named("b", error), Named("c", Done())
    house = House(first, failing, last)
    with capture_logs() as lines:
        results = await house.housekeeper.round()

    assert [(result.rule, result.done.affected, result.error) for result in results] == [
        ("a", 2, None),
        ("b", 0, error),
        ("c", 0, None),
    ]
    assert [line["event"] for line in lines] == ["rule_applied", "rule_failed"]
    assert house.value("housekeeper_affected_total", rule="a", effect="moved") == 2
    assert house.value("housekeeper_failures_total", rule="b") == 1
    assert [house.value("housekeeper_rule_seconds_count", rule=name) for name in "abc"] == [1, 1, 1]


async def test_where_nothing_was_done_nothing_is_said() -> None:
    with capture_logs() as lines:
        await House(Named("a", Done({"moved": 0}))).housekeeper.round()
    assert lines == []


async def test_a_round_ends_with_the_rule_in_hand_when_it_may_not_go_on() -> None:
    first, second = Named("a", Done()), Named("b", Done())
    may = iter([True, False])
    await House(first, second).housekeeper.round(may_go_on=lambda: next(may))

    assert (len(first.readings), len(second.readings)) == (1, 0)


async def test_rules_are_applied_though_the_clock_cannot_be_read() -> None:
    rule = Named("a", Done())
    house = House(rule)
    house.kafka.fails = True
    await house.housekeeper.round()

    assert rule.readings == [Reading(None, None, "the database does not answer: the server is away")]
    assert house.value("housekeeper_clock_held") == 1
    assert house.value("housekeeper_ingestion_age_seconds") == math.inf


async def test_a_clock_that_stands_still_for_a_minute_is_told_once_and_so_is_its_going_on() -> None:
    house = House()
    house.kafka.end = 7
    with capture_logs() as lines:
        for _ in range(5):
            await house.housekeeper.round()
            house.seconds.now += 20
        house.kafka.end = 0
        for _ in range(2):
            await house.housekeeper.round()

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("ingestion_clock_stands_still", "warning"),
        ("ingestion_clock_goes_on", "info"),
    ]
    assert lines[0]["reason"] == "7 messages are not read yet"
    assert house.value("housekeeper_clock_held") == 0
    assert house.value("housekeeper_ingestion_age_seconds") == 0


def test_what_is_done_piece_by_piece_adds_up() -> None:
    done = Done({"moved": 2}, more=True).followed_by(Done({"moved": 1, "lost": 4}))

    assert (done.affected, done.more, str(done)) == (7, False, "3 moved, 4 lost")
    assert str(Done({"moved": 0})) == ""


async def test_long_rules_have_rounds_of_their_own_which_show_no_life_and_look_at_no_clock() -> None:
    short, failing, long = Named("a", Done()), Named("b", OSError("disk")), Named("c", Done({"archived": 7}))
    house = House(short, long_rules=[failing, long])
    results = await house.housekeeper.long_round()

    assert [(result.rule, result.done.affected) for result in results] == [("b", 0), ("c", 7)]
    assert (short.readings, long.readings[0].time, house.pulse.count) == ([], None, 0)
    assert house.value("housekeeper_affected_total", rule="c", effect="archived") == 7
    await house.housekeeper.round()
    assert (len(short.readings), len(long.readings)) == (1, 1)
