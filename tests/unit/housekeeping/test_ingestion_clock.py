"""Nothing is proved to be ingested that is not."""

from collections.abc import Mapping, Sequence

import pytest

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestedPartition, IngestionClock, Reading
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
