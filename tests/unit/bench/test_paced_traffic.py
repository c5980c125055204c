"""What the latency benchmark sends, and how it judges what comes back."""

from collections import Counter

from loadtests.bench.committed_events import OrderCheck
from loadtests.bench.paced_traffic import lives


def test_each_message_makes_another_event_and_each_task_lives_in_order() -> None:
    steps = lives(rate=300, seconds=4, seed=1)

    assert len(steps) == 1200
    assert len({step.event_id for step in steps}) == 1200
    order = OrderCheck()
    for step in steps:
        order.came(step.event_id)
        task_id, _, version = step.event_id.rpartition(":")
        assert step.message.key == task_id
        status = dict(step.message.headers)["status"]
        assert (status, step.is_request) == {
            "1": (b"new", True),
            "2": (b"in_progress", False),
            "3": (b"completed", False),
        }[version]
    assert order.out_of_order == 0


def test_kinds_are_mixed_once_the_first_tasks_have_come_to_their_end() -> None:
    later = lives(rate=300, seconds=4, seed=1)[300:]

    kinds = Counter(step.event_id[-1] for step in later)
    assert set(kinds.values()) == {300}
    assert [step.event_id[-1] for step in later[:6]] == ["1", "2", "3"] * 2


def test_reports_of_a_task_follow_each_other_half_a_second_apart() -> None:
    steps = lives(rate=300, seconds=4, seed=1)
    turns = {step.event_id: turn for turn, step in enumerate(steps)}
    task_id = steps[600].event_id.rpartition(":")[0]

    assert turns[f"{task_id}:2"] - turns[f"{task_id}:1"] == 151
    assert turns[f"{task_id}:3"] - turns[f"{task_id}:2"] == 151


def test_a_version_that_is_not_above_the_last_is_out_of_order() -> None:
    order = OrderCheck()
    for event_id in ("a:1", "b:1", "a:3", "a:2", "b:1", "b:2"):
        order.came(event_id)

    assert (order.total, order.out_of_order) == (6, 2)
