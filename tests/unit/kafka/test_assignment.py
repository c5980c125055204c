"""What a process reads, from where, and when it looks again."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import OffsetProblem
from taskmanager.application.ports import Fenced
from taskmanager.infrastructure.kafka.topics import TopicDescription
from tests.fakes.assignment import NotThereError, Setting
from tests.fakes.consumer import others_run
from tests.fakes.messages import REQUESTS, STATUSES, TOPIC_IDS

_FIRST = Partition(REQUESTS, 0)


@pytest.fixture
def setting() -> Setting:
    return Setting()


def told(logs: Sequence[Mapping[str, Any]], event: str = "partitions_stopped") -> list[Mapping[str, Any]]:
    """The lines of this event."""
    return [entry for entry in logs if entry["event"] == event]


async def test_the_first_start_begins_at_the_first_offset_and_later_ones_at_the_stored(setting: Setting) -> None:
    setting.marks[_FIRST] = [(17, 40)]
    assert await setting.assignment.read_offsets() == {_FIRST: 17, Partition(REQUESTS, 1): 0, Partition(STATUSES, 0): 0}

    setting.store.contents.offsets[_FIRST].next_offset = 33
    assert (await setting.assignment.read_offsets())[_FIRST] == 33
    assert setting.store.contents.offsets[_FIRST].first_offset == 17


async def test_a_process_that_owns_nothing_reads_nothing(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting.ownership, "owned", lambda partitions: [])

    assert await setting.assignment.read_offsets() == {}
    assert setting.store.contents.offsets == {}


@pytest.mark.parametrize("offset", [17, 40])
async def test_both_ends_of_a_topic_are_sound_offsets(setting: Setting, offset: int) -> None:
    setting.marks[_FIRST] = [(17, 40)]
    setting.stored(_FIRST, offset)

    assert (await setting.assignment.read_offsets())[_FIRST] == offset


async def test_another_owner_may_read_on_between_the_two_looks(setting: Setting) -> None:
    setting.marks[_FIRST] = [(17, 40), (17, 60)]
    setting.stored(_FIRST, 55)

    assert (await setting.assignment.read_offsets())[_FIRST] == 55


@pytest.mark.parametrize(
    ("topic_id", "offset", "problem", "said"),
    [
        ("another", 20, OffsetProblem.TOPIC_MADE_ANEW, "made anew since it was read up to 20"),
        (None, 16, OffsetProblem.REMOVED, "read up to 16, but the topic holds 17 to 40"),
        (None, 41, OffsetProblem.BEYOND_END, "read up to 41, but the topic holds 17 to 40"),
    ],
)
async def test_an_offset_that_does_not_fit_stops_its_partition_alone_and_names_the_remedy(
    setting: Setting, topic_id: str | None, offset: int, problem: OffsetProblem, said: str
) -> None:
    setting.marks[_FIRST] = [(17, 40)]
    setting.stored(_FIRST, offset, topic_id)
    with capture_logs() as logs:
        reading = await setting.assignment.read_offsets()

    assert reading == {Partition(REQUESTS, 1): 0, Partition(STATUSES, 0): 0}
    (line,) = told(logs)
    assert (line["log_level"], line["topic"], line["reason"]) == ("error", REQUESTS, problem.value)
    assert line["partitions"] == [0]
    assert said in line["detail"][0]
    assert line["remedy"] == f"taskmanager offsets reset --topic {REQUESTS} --partition 0 --to earliest"
    assert setting.stopped == {(REQUESTS, problem.value): 1}


async def test_partitions_that_share_a_problem_share_a_line(setting: Setting) -> None:
    for number in range(2):
        setting.stored(Partition(REQUESTS, number), 5, "another")
    with capture_logs() as logs:
        await setting.assignment.read_offsets()

    (line,) = told(logs)
    assert line["remedy"].endswith("--partition 0 --partition 1 --to earliest")


async def test_a_stopped_partition_is_told_of_again_every_minute_and_no_more_often(setting: Setting) -> None:
    setting.stored(_FIRST, 101)
    with capture_logs() as logs:
        await setting.assignment.read_offsets()
        setting.clock.now += 59
        assert not setting.assignment.has_changed()
        await setting.assignment.read_offsets()
        assert len(told(logs)) == 1
        setting.clock.now += 1
        assert setting.assignment.has_changed()
        await setting.assignment.read_offsets()
        assert len(told(logs)) == 2
        assert not setting.assignment.has_changed()


async def test_a_partition_that_was_reset_goes_on_at_the_next_look(setting: Setting) -> None:
    setting.stored(_FIRST, 101)
    await setting.assignment.read_offsets()
    setting.clock.now += 5
    await setting.assignment.review({})
    assert not setting.assignment.has_changed()

    setting.stored(_FIRST, 90)
    setting.clock.now += 4
    await setting.assignment.review({})
    assert not setting.assignment.has_changed(), "it looks every five seconds"
    setting.clock.now += 1
    await setting.assignment.review({})
    assert setting.assignment.has_changed()
    assert (await setting.assignment.read_offsets())[_FIRST] == 90
    assert setting.stopped == {}


async def test_a_stored_offset_that_somebody_moves_is_noticed_without_a_message(setting: Setting) -> None:
    written = dict(await setting.assignment.read_offsets())
    setting.clock.now += 5
    await setting.assignment.review(written)

    setting.stored(_FIRST, written[_FIRST] + 1)
    setting.clock.now += 4
    await setting.assignment.review(written)
    setting.clock.now += 1
    with pytest.raises(Fenced, match=f"{_FIRST.topic}/{_FIRST.partition} was moved"):
        await setting.assignment.review(written)


async def test_a_topic_that_is_made_anew_is_seen_and_stops_until_it_is_reset(setting: Setting) -> None:
    await setting.assignment.read_offsets()
    assert not await setting.look()
    setting.topics[REQUESTS] = TopicDescription("another", 2)
    assert await setting.look()

    assert list(await setting.assignment.read_offsets()) == [Partition(STATUSES, 0)]
    assert setting.stopped == {(REQUESTS, "topic_made_anew"): 2}
    assert setting.assignment.topic_ids[REQUESTS] == "another"
    for number in range(2):
        setting.stored(Partition(REQUESTS, number), 0, "another")
    setting.clock.now += 5
    await setting.assignment.review({})
    assert setting.assignment.has_changed()
    assert len(await setting.assignment.read_offsets()) == 3


async def test_the_ids_stay_those_of_what_is_being_read_until_it_is_read_anew(setting: Setting) -> None:
    topic_ids = setting.assignment.topic_ids
    await setting.assignment.read_offsets()
    setting.topics[REQUESTS] = TopicDescription("another", 2)
    assert await setting.look()

    assert topic_ids[REQUESTS] == TOPIC_IDS[REQUESTS]
    await setting.assignment.read_offsets()
    assert topic_ids[REQUESTS] == "another"


async def test_partitions_that_are_added_are_taken_up_and_said(setting: Setting) -> None:
    await setting.assignment.read_offsets()
    setting.topics[REQUESTS] = TopicDescription(TOPIC_IDS[REQUESTS], 4)
    assert await setting.look()
    with capture_logs() as logs:
        assert len(await setting.assignment.read_offsets()) == 5

    (line,) = told(logs, "partitions_owned")
    assert (line["partitions"], line["taken_up"], line["given_up"]) == (5, {REQUESTS: [2, 3]}, {})


async def test_a_topic_that_goes_away_stops_and_comes_back(setting: Setting) -> None:
    await setting.assignment.read_offsets()
    gone = setting.topics.pop(REQUESTS)
    assert await setting.look()
    with capture_logs() as logs:
        assert list(await setting.assignment.read_offsets()) == [Partition(STATUSES, 0)]
    (line,) = told(logs)
    assert (line["reason"], line["remedy"]) == (
        "topic_missing",
        f"create the topic {REQUESTS}, or add the partitions that it lacks",
    )
    assert not await setting.look()

    setting.topics[REQUESTS] = gone
    assert await setting.look()
    assert len(await setting.assignment.read_offsets()) == 3


async def test_at_the_start_all_topics_have_to_be_there(setting: Setting) -> None:
    gone = setting.topics.pop(REQUESTS)
    with pytest.raises(NotThereError):
        await setting.assignment.read_offsets()
    setting.topics[REQUESTS] = gone
    assert len(await setting.assignment.read_offsets()) == 3


async def test_a_broker_that_does_not_answer_changes_nothing(setting: Setting) -> None:
    await setting.assignment.read_offsets()
    setting.answers, setting.topics = False, {}

    assert not await setting.look()
    assert setting.glances == 1


async def test_the_topics_are_looked_at_every_five_seconds_and_one_look_at_a_time(setting: Setting) -> None:
    await setting.assignment.read_offsets()
    for _ in range(100):
        assert not setting.assignment.has_changed()
    assert setting.glances == 0
    for _ in range(3):
        setting.clock.now += 5
        setting.assignment.has_changed()
    await others_run()
    assert setting.glances == 1
    await setting.assignment.close()


async def test_another_owner_is_reason_enough(setting: Setting) -> None:
    await setting.assignment.read_offsets()
    setting.ownership.changed = True
    assert setting.assignment.has_changed()
    await setting.assignment.read_offsets()
    assert not setting.assignment.has_changed()
