"""What the simulated workers do."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from taskmanager.programs.demo import workers
from taskmanager.programs.demo.messages import Role
from taskmanager.programs.demo.workers import early_start, reports

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
FINAL = {"completed", "error", "failed", "cancelled"}
_numbers = random.Random(7)
IDS = [str(UUID(int=_numbers.getrandbits(128), version=4)) for _ in range(6_000)]
PLANS = [reports(task_id, seed=1) for task_id in IDS]
TAKEN = [plan for plan in PLANS if plan]


def test_equal_seed_and_id_give_equal_reports():
    assert [reports(task_id, seed=1) for task_id in IDS[:200]] == PLANS[:200]


def test_another_seed_gives_other_reports():
    assert [reports(task_id, seed=2) for task_id in IDS[:200]] != PLANS[:200]


def test_another_attempt_is_another_chance():
    again = [reports(task_id, 1, attempt=2) for task_id in IDS]

    assert again == [reports(task_id, 1, attempt=2) for task_id in IDS]
    assert 0.9 < sum(bool(finals(plan)) for plan in again) / len(again) < 0.95
    assert not any(first == second for first, second in zip(PLANS, again, strict=True) if first and second)


def test_only_the_first_attempt_can_be_reported_before_anybody_told_of_it():
    early = [early_start(task_id, 1) for task_id in IDS]

    for report, plan in zip(early, PLANS, strict=True):
        assert report is None or replace(report, attempt=1) == plan[0]
    assert sum(report is not None for report in early) / len(TAKEN) == pytest.approx(workers.EARLY, abs=0.012)
    assert all(report.after > 0 for task_id in IDS for report in reports(task_id, 1, attempt=2))


def test_reports_are_in_the_order_of_their_times_and_come_from_one_worker():
    for plan in TAKEN:
        assert [report.after for report in plan] == sorted(report.after for report in plan)
        assert len({report.worker for report in plan}) == 1


def finals(plan):
    return [report for report in plan if report.status in FINAL]


@pytest.mark.parametrize(
    ("share", "happens", "among"),
    [
        (workers.IGNORED, lambda plan: not plan, PLANS),
        (workers.STUCK, lambda plan: not finals(plan), TAKEN),
        (workers.START_UNREPORTED, lambda plan: plan[0].status in FINAL, [plan for plan in TAKEN if finals(plan)]),
        (workers.EARLY, lambda plan: plan[0].after == 0, [plan for plan in TAKEN if plan[0].status not in FINAL]),
        (workers.HEARTBEATS, lambda plan: any("progress" in report.body for report in plan), TAKEN),
        (
            workers.TWICE,
            lambda plan: len(finals(plan)) > 1 and finals(plan)[0].body is finals(plan)[1].body,
            [plan for plan in TAKEN if finals(plan)],
        ),
        (
            workers.TOO_LATE,
            lambda plan: len({id(report.body) for report in finals(plan)}) > 1,
            [plan for plan in TAKEN if finals(plan)],
        ),
        (
            workers.CANCELLED,
            lambda plan: finals(plan)[0].status == "cancelled",
            [plan for plan in TAKEN if finals(plan)],
        ),
        (
            workers.FAILED,
            lambda plan: finals(plan)[0].status in {"error", "failed"},
            [plan for plan in TAKEN if finals(plan)],
        ),
    ],
)
def test_the_shares_are_as_documented(share, happens, among):
    assert sum(map(happens, among)) / len(among) == pytest.approx(share, abs=0.012)


def test_a_late_report_never_agrees_with_the_one_that_settled_the_task():
    for plan in TAKEN:
        ends = finals(plan)
        if len({id(report.body) for report in ends}) > 1:
            assert (ends[-1].status == "completed") != (ends[0].status == "completed")


def test_both_names_of_a_status_are_used():
    names = Counter(report.status for plan in TAKEN for report in plan)

    assert names.keys() == {"in_progress", "started", "completed", "error", "failed", "cancelled"}


def test_a_report_is_a_status_message_of_a_foreign_source():
    report = TAKEN[0][0]
    message = report.message(IDS[0], NOW)

    assert message.role is Role.STATUS
    assert message.key == IDS[0].encode()
    assert dict(message.headers) == {
        "id": IDS[0].encode(),
        "task_type": b"web-crawl",
        "status": report.status.encode(),
        "timestamp": b"2025-06-01T12:00:00.000+00:00",
        "source": report.worker.encode(),
        "version": b"1",
        "attempt": b"1",
    }
    assert msgspec.json.decode(message.value or b"") == report.body
    assert "attempt" not in dict(replace(report, attempt=None).message(IDS[0], NOW).headers)
