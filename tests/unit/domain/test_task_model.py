"""The task against a model that was written from the contract alone, over arbitrary commands, attempts and times."""

from collections.abc import Callable
from datetime import datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from taskmanager.domain.errors import Refused
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.task import WebCrawlTask
from tests.builders import at, created_task, request_content, state_of, task_id, versions

_SETTLED = {"completed", "error", "cancelled"}
_REPORTS = {
    "start": ("in_progress", {"new"}),
    "complete": ("completed", {"new", "in_progress"}),
    "fail": ("error", {"new", "in_progress"}),
    "cancel": ("cancelled", {"new", "in_progress"}),
}
_HEARTBEAT_ONLY = ("last_heartbeat_at", "worker", "progress")

times = st.integers(min_value=-5, max_value=60).map(at)
attempts = st.none() | st.integers(min_value=0, max_value=4)
outcomes = st.sampled_from(["", "a", "b"])


class Model:
    """What the contract says of a task: plain values and no methods of the domain."""

    def __init__(self) -> None:
        self.status = "new"
        self.version = 1
        self.attempt = 1
        self.attempt_since: datetime | None = None
        self.outcome: str | None = None
        self.deleted = False

    def verdict(self, report: str, attempt: int | None, when: datetime, outcome: str | None) -> str:
        """What must become of a report: event, heartbeat, duplicate, or the reason of the refusal."""
        target, sources = _REPORTS[report]
        if self.deleted:
            return "task_deleted"
        if attempt is None and self.attempt_since is not None and when < self.attempt_since:
            return "stale_attempt"
        if attempt is not None and attempt != self.attempt:
            return "stale_attempt" if attempt < self.attempt else "unknown_attempt"
        if self.status == target == "in_progress":
            return "heartbeat"
        if self.status == target:
            return "duplicate" if self.outcome == outcome else "conflicting_report"
        return "event" if self.status in sources else "invalid_transition"


class TaskAgainstModel(RuleBasedStateMachine):
    """Gives both the same commands; nothing that they say may differ."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.task: WebCrawlTask
        self.events: list[TaskEvent] = []

    @initialize(received=times, recorded=times)
    def create(self, received: datetime, recorded: datetime) -> None:
        self.task, created = created_task(at=received, now=recorded)
        self.events.append(created)

    @rule(report=st.sampled_from(sorted(_REPORTS)), attempt=attempts, when=times, now=times, outcome=outcomes)
    def report(self, report: str, attempt: int | None, when: datetime, now: datetime, outcome: str) -> None:
        told = {"complete": {"result": outcome}, "fail": {"error": outcome}}.get(report, {})
        expected = self.model.verdict(report, attempt, when, outcome if told else None)
        method = getattr(self.task, report)
        self._expect(expected, lambda: method(at=when, now=now, attempt=attempt, **told))
        if expected == "event":
            self.model.status = _REPORTS[report][0]
            self.model.outcome = outcome if told else None

    @rule(now=times, worker=st.sampled_from([None, "w-1", "w-2"]), progress=st.none() | st.floats(0, 1))
    def beat(self, now: datetime, worker: str | None, progress: float | None) -> None:
        expected = self.model.verdict("start", self.model.attempt, now, None)
        before = self.task.last_heartbeat_at
        self._expect(
            expected,
            lambda: self.task.start(at=now, now=now, attempt=self.model.attempt, worker=worker, progress=progress),
        )
        if expected == "event":
            self.model.status = "in_progress"
        if expected == "heartbeat":
            assert before is not None
            assert self.task.last_heartbeat_at == max(before, now)

    @rule(when=times, now=times, not_before=st.none() | times)
    def retry(self, when: datetime, now: datetime, not_before: datetime | None) -> None:
        allowed = self.model.status in {"error", "cancelled"}
        expected = "task_deleted" if self.model.deleted else "event" if allowed else "invalid_transition"
        self._expect(expected, lambda: self.task.retry(at=when, now=now, not_before=not_before))
        self._begin_attempt(expected, not_before)

    @rule(when=times, now=times, not_before=st.none() | times)
    def time_out(self, when: datetime, now: datetime, not_before: datetime | None) -> None:
        allowed = self.model.status == "in_progress"
        expected = "task_deleted" if self.model.deleted else "event" if allowed else "invalid_transition"
        self._expect(expected, lambda: self.task.time_out(at=when, now=now, not_before=not_before))
        self._begin_attempt(expected, not_before)

    @rule(when=times, now=times)
    def delete(self, when: datetime, now: datetime) -> None:
        expected = (
            "duplicate" if self.model.deleted else "event" if self.model.status in _SETTLED else "invalid_transition"
        )
        self._expect(expected, lambda: self.task.delete(at=when, now=now))
        self.model.deleted |= expected == "event"

    @rule(same=st.booleans())
    def request_again(self, same: bool) -> None:
        content = request_content(**({} if same else {"metadata": {"other": "content"}}))
        expected = "duplicate" if same else "conflicting_request"
        self._expect(expected, lambda: self.task.repeat_request(**content))

    def _begin_attempt(self, expected: str, not_before: datetime | None) -> None:
        if expected == "event":
            self.model.status, self.model.outcome = "new", None
            self.model.attempt += 1
            self.model.attempt_since = self.task.updated_at
            assert self.task.not_before == not_before

    def _expect(self, expected: str, command: Callable[[], TaskEvent | None]) -> None:
        before = state_of(self.task)
        try:
            event = command()
        except Refused as refusal:
            said = refusal.reason.value
            event = None
        else:
            said = "event" if event is not None else "heartbeat" if expected == "heartbeat" else "duplicate"
        assert said == expected
        after = state_of(self.task)
        if event is not None:
            self.model.version += 1
            self.events.append(event)
        elif expected == "heartbeat":
            assert {**after, **{name: before[name] for name in _HEARTBEAT_ONLY}} == before
        else:
            assert after == before

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not self.events:
            return
        model = self.model
        assert (self.task.status.value, self.task.version, self.task.attempt, self.task.deleted_at is not None) == (
            model.status,
            model.version,
            model.attempt,
            model.deleted,
        )
        assert (self.task.finished_at is not None) == (model.status in _SETTLED)

    @invariant()
    def history_is_without_a_gap_and_never_goes_back(self) -> None:
        assert versions(self.events) == list(range(1, len(self.events) + 1))
        recorded = [event.recorded_at for event in self.events]
        assert recorded == sorted(recorded)
        assert all(event.task_id == task_id() for event in self.events)

    @invariant()
    def replaying_the_events_gives_the_task(self) -> None:
        if not self.events:
            return
        replayed = state_of(WebCrawlTask.replay(self.events))
        known = state_of(self.task)
        for name in _HEARTBEAT_ONLY:
            known = {**known, name: replayed[name]}
        assert known == replayed


TaskAgainstModel.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestTaskAgainstModel = TaskAgainstModel.TestCase
