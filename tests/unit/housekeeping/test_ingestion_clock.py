"""Nothing is proved to be ingested that is not."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.use_cases.housekeeping.ingestion_clock import (
    Hold,
    IngestedPartition,
    IngestionClock,
    Reading,
)
from tests.builders import at
from tests.fakes.clock import FixedClock

P, Q = Partition("requests", 0), Partition("reports", 0)
NOW = FixedClock().now()

Ends = Mapping[Partition, TopicEnds] | None
Rows = Mapping[Partition, IngestedPartition]


def ends(p: int = 10, q: int = 20, low: int = 0) -> Ends:
    return {P: TopicEnds("id", low, p), Q: TopicEnds("id", 0, q)}


def rows(p: int | None = 10, q: int | None = 20) -> Rows:
    read = {P: p, Q: q}
    return {place: IngestedPartition("id", offset, at(30)) for place, offset in read.items() if offset is not None}


class Looks:
    """Answers each question with the next of its answers; the last one is repeated."""

    def __init__(self, ends: Sequence[Ends], rows: Sequence[Rows]) -> None:
        self.asked: list[str] = []
        self._ends, self._rows = list(ends), list(rows)

    async def ends(self) -> Ends:
        self.asked.append("ends")
        return self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]

    async def ingested(self) -> Rows:
        self.asked.append("rows")
        return self._rows.pop(0) if len(self._rows) > 1 else self._rows[0]

    async def pause(self, seconds: float) -> None:
        self.asked.append("pause")

    async def read(self) -> Reading:
        return await IngestionClock(self, self.ends, FixedClock(), self.pause).read()


async def test_where_all_is_read_the_time_before_the_question_is_proved() -> None:
    looks = Looks([ends()], [rows()])

    assert await looks.read() == Reading(NOW, NOW)
    assert looks.asked == ["ends", "rows"], "what is read must be looked at last"


async def test_consumers_that_catch_up_are_waited_for() -> None:
    looks = Looks([ends()], [rows(p=8), rows(p=9), rows()])

    assert (await looks.read()).time == NOW
    assert looks.asked == ["ends", "rows", "pause", "rows", "pause", "rows"]


async def test_what_is_not_read_in_time_proves_nothing() -> None:
    looks = Looks([ends()], [rows(p=7, q=15)])

    assert await looks.read() == Reading(None, at(30), "8 messages are not read yet")
    assert looks.asked.count("pause") == 20


async def test_a_partition_that_nobody_has_taken_up_counts_only_if_it_is_empty() -> None:
    assert await Looks([ends(p=3, low=3)], [rows(p=None)]).read() == Reading(NOW, NOW)
    assert await Looks([ends(p=3, low=1)], [rows(p=None)]).read() == Reading(None, None, "2 messages are not read yet")


async def test_a_topic_that_was_made_anew_is_not_read() -> None:
    other = {**rows(), P: IngestedPartition("of another incarnation", 10, at(30))}
    reading = await Looks([ends()], [other]).read()

    assert (reading.time, reading.reached) == (None, None)
    assert "requests was deleted and made anew" in str(reading.problem)


async def test_without_an_answer_from_kafka_nothing_is_proved() -> None:
    assert await Looks([None], [rows()]).read() == Reading(None, at(30), "Kafka does not answer")
    assert await Looks([None], [{}]).read() == Reading(None, None, "Kafka does not answer")


async def test_what_came_and_was_read_after_the_first_question_does_no_harm() -> None:
    assert (await Looks([ends(), ends(p=12)], [rows(p=12)]).read()).time == NOW


@pytest.mark.parametrize("second", [ends(), None])
async def test_an_offset_behind_the_end_of_a_topic_proves_nothing(second: Ends) -> None:
    reading = await Looks([ends(), second], [rows(p=12)]).read()

    assert reading.time is None
    assert reading.problem == (
        "Kafka does not answer" if second is None else "requests has lost its end: see taskmanager offsets show"
    )


async def test_partitions_that_are_no_more_do_not_count() -> None:
    assert (await Looks([{P: TopicEnds("id", 0, 10)}], [rows(q=3)]).read()).time == NOW


MINUTE = timedelta(minutes=1)


async def held_for(minutes: int, *, proved_before: bool) -> tuple[IngestionClock, FixedClock]:
    """A clock that proves nothing for so long, and the time."""
    clock = FixedClock()
    looks = Looks([*([ends()] if proved_before else []), *[None] * (minutes + 1 - proved_before), ends()], [rows()])
    ingestion = IngestionClock(looks, looks.ends, clock, looks.pause)
    for _ in range(minutes + 1):
        reading = await ingestion.read()
        assert reading.hold is None
        clock.pass_seconds(60)
    assert reading.time is None
    return ingestion, clock


@pytest.mark.parametrize("proved_before", [True, False])
async def test_a_hold_counts_from_the_last_look_before_it(proved_before: bool) -> None:
    ingestion, clock = await held_for(7, proved_before=proved_before)
    reading = await ingestion.read()

    assert reading == Reading(clock.now(), clock.now(), None, Hold(8 * MINUTE, clock.now()))


async def test_after_a_hold_as_much_time_is_granted_as_it_took_and_at_most_the_limit() -> None:
    ingestion, clock = await held_for(7, proved_before=True)
    went_on = clock.now()
    granted = {5 * MINUTE: 0.0, 60 * MINUTE: 0.0}
    while None in (verdicts := [(await ingestion.read()).grants(limit) for limit in granted]):
        for limit, verdict in zip(granted, verdicts, strict=True):
            if verdict is None:
                granted[limit] = (clock.now() - went_on).total_seconds() + 30
        clock.pass_seconds(30)

    assert granted == {5 * MINUTE: 300.0, 60 * MINUTE: 480.0}
    assert verdicts == [clock.now(), clock.now()]


async def test_why_nothing_is_declared_dead_yet_is_told() -> None:
    ingestion, _ = await held_for(7, proved_before=True)
    reading = await ingestion.read()

    assert reading.obstacle(5 * MINUTE) == (
        "Kafka was away or unread for 480 s, and whoever could not be heard has until 2026-03-01 12:14:00 UTC"
    )
    assert Reading(None, None, "7 messages are not read yet").obstacle(MINUTE) == "7 messages are not read yet"
    assert Reading(NOW, NOW).obstacle(MINUTE) is None
