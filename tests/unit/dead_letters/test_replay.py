"""A dead letter's message gets its effect after all, once."""

from uuid import UUID

import orjson
import pytest

from taskmanager.application.changes import Changes, Outcome
from taskmanager.application.commands import InboundMessage
from taskmanager.application.dead_letter_model import LetterState
from taskmanager.application.dead_letters import DeadLetterReason as Reason
from taskmanager.application.use_cases.dead_letters.message_edit import MessageEdit
from taskmanager.application.use_cases.dead_letters.replay_result import ReplayResult
from taskmanager.domain.events import TaskCompleted, TaskCreated
from taskmanager.domain.status import TaskStatus
from tests.builders import task_id
from tests.fakes.messages import body, report, request
from tests.unit.dead_letters.conftest import Desk

_REPLAYED, _OPEN, _DISCARDED = LetterState.REPLAYED, LetterState.OPEN, LetterState.DISCARDED
_TASK = task_id()
_SOUND = MessageEdit(value=orjson.dumps(body()))
_OWN = MessageEdit(
    headers={"source": b"task-manager", "event_id": b"x:1", "event_type": b"TaskCreated", "status": b"new"}
)


async def test_a_corrected_request_becomes_a_task(desk: Desk) -> None:
    await desk.receive([request(b"{", headers={"correlation_id": "c"})])
    before = dict(desk.store.contents.offsets)

    assert await desk.replay.by_id([1], "ann", _SOUND) == [ReplayResult(1, Outcome.CREATED, task_id=_TASK)]

    contents = desk.store.contents
    ((event, source),) = contents.events
    assert isinstance(event, TaskCreated)
    assert source is None  # the letter accounts for the position
    assert contents.tasks[_TASK].correlation_id == "c"
    assert contents.offsets == before
    assert list(contents.counts.values()) == [1]
    assert desk.states == {1: _REPLAYED}
    assert desk.history(1) == [("replay", "ann", "created")]
    ((_, action),) = contents.letter_actions
    assert action.edited == contents.dead[0][0]._replace(value=_SOUND.value)
    assert action.task_id == _TASK


async def test_a_message_as_it_was_is_kept_only_once(desk: Desk) -> None:
    await desk.receive([request()])
    desk.store.refuses.add(_TASK)
    await desk.receive([report("completed")])
    desk.store.refuses.clear()
    assert [reject.reason for _, reject in desk.store.contents.dead] == [Reason.REFUSED_BY_DATABASE]

    assert await desk.replay.by_id([1], "ann") == [ReplayResult(1, Outcome.APPLIED, task_id=_TASK)]
    assert desk.store.contents.tasks[_TASK].result == "done"
    assert desk.store.contents.letter_actions[0].action.edited is None


async def test_the_event_names_the_letter_and_the_operator(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Changes] = []
    serialise = desk.letters.serialise

    def spy(changes: Changes) -> Changes:
        written.append(changes)
        return serialise(changes)

    monkeypatch.setattr(desk.letters, "serialise", spy)
    await desk.receive([request(b"{", headers={"source": "gateway"})])
    await desk.replay.by_id([1], "ann", _SOUND)

    assert [command.actor for changes in written for _, command in changes.created.values()] == ["dlq:1/ann"]


async def test_what_is_still_wrong_stays_open_with_the_new_reason(desk: Desk) -> None:
    await desk.receive([request(b"{")])
    (result,) = await desk.replay.by_id([1], "ann", MessageEdit(value=b"[]"))

    assert (result.outcome, result.reason, result.state) == (None, Reason.NOT_AN_OBJECT, _OPEN)
    assert result.task_id == _TASK
    assert desk.states == {1: _OPEN}
    assert desk.history(1) == [("failed_replay", "ann", "not_an_object")]
    assert desk.store.contents.dead[0][1].reason is Reason.MALFORMED_JSON
    assert not desk.store.contents.tasks


async def test_a_report_without_its_task_stays_open_and_is_not_parked(desk: Desk) -> None:
    await desk.receive([report("completed", b"{")])
    (result,) = await desk.replay.by_id([1], "ann", MessageEdit(value=b'{"result": "r"}'))

    assert (result.reason, result.state, result.word) == (Reason.UNKNOWN_TASK, _OPEN, "unknown_task")
    assert desk.store.contents.parked == []
    assert desk.states == {1: _OPEN}


async def test_a_report_finds_the_task_that_is_made_beside_it(desk: Desk) -> None:
    await desk.receive([report("completed", b"{"), request(b"{")])
    both = MessageEdit(value=orjson.dumps(body() | {"result": "r"}))

    results = await desk.replay.by_id([1, 2], "ann", both)
    assert [(result.letter_id, result.outcome) for result in results] == [(1, Outcome.APPLIED), (2, Outcome.CREATED)]
    assert desk.store.contents.tasks[_TASK].status is TaskStatus.COMPLETED


async def test_what_is_parked_for_a_replayed_request_is_applied_with_it(desk: Desk) -> None:
    await desk.receive([report("completed"), request(b"{")])
    await desk.replay.by_id([1], "ann", _SOUND)

    contents = desk.store.contents
    assert contents.tasks[_TASK].status is TaskStatus.COMPLETED
    assert contents.parked == []
    _, (completed, source) = contents.events
    assert isinstance(completed, TaskCompleted)
    assert source is not None  # that report has a position of its own


async def test_a_refused_report_is_kept_and_the_letter_is_done(desk: Desk) -> None:
    await desk.receive([request(), report("completed"), report("failed", b"{")])
    (result,) = await desk.replay.by_id([1], "ann", MessageEdit(value=b'{"error": "e"}'))

    assert (result.outcome, result.state) == (Outcome.REFUSED, _REPLAYED)
    assert result.detail is not None
    assert result.detail.startswith("invalid_transition: ")
    ((command, _),) = desk.store.contents.refused
    assert command.source is None
    assert desk.history(1) == [("replay", "ann", "refused")]


@pytest.mark.parametrize(
    ("letter", "edit", "outcome"),
    [
        (request(b"{"), _SOUND, Outcome.DUPLICATE),
        (request(b"{"), MessageEdit(value=orjson.dumps(body(userQuery="other"))), Outcome.REFUSED),
        (report("started", b"{"), MessageEdit(value=b"{}"), Outcome.HEARTBEAT),
        (
            request(b"{"),
            _OWN,
            Outcome.SKIPPED,
        ),
    ],
    ids=["the same request", "another request", "a heartbeat", "the service's own message"],
)  # fmt: skip
async def test_other_outcomes_settle_the_letter(
    desk: Desk, letter: InboundMessage, edit: MessageEdit, outcome: Outcome
) -> None:
    await desk.receive([request(), report("started"), letter])
    (result,) = await desk.replay.by_id([1], "ann", edit)

    assert result.outcome is outcome
    assert desk.states == {1: _REPLAYED}


async def test_a_request_without_an_id_gets_that_of_its_position(desk: Desk) -> None:
    await desk.receive([request(id=None), request(b"{", id=None)])
    (first,) = desk.store.contents.tasks
    again = request(id=None, offset=1)
    await desk.replay.by_id([1], "ann", _SOUND)
    (second,) = desk.store.contents.tasks.keys() - {first}

    assert UUID(second).version == 5
    # Had it been sound, it would have had the same id.
    other = Desk()
    await other.receive([request(id=task_id(5)), again])
    assert second in other.store.contents.tasks


async def test_a_letter_has_its_effect_once(desk: Desk) -> None:
    await desk.receive([request(b"{")])
    await desk.replay.by_id([1], "ann", _SOUND)
    (again,) = await desk.replay.by_id([1], "bob", _SOUND)

    assert (again.outcome, again.reason, again.word) == (None, None, "already_replayed")
    assert len(desk.store.contents.events) == 1
    assert desk.history(1) == [("replay", "ann", "created")]


async def test_of_two_operators_at_once_one_replays(desk: Desk) -> None:
    await desk.receive([request(b"{")])
    other = desk.replay.by_id([1], "bob", _SOUND)

    def let_bob_in(step: str) -> None:
        if step == "load":  # ann has seen the letter open
            desk.store.before = lambda step: None
            with pytest.raises(StopIteration):  # nothing in memory ever waits: one step is all
                other.send(None)

    desk.store.before = let_bob_in
    (result,) = await desk.replay.by_id([1], "ann", _SOUND)

    assert result.word == "already_replayed"
    assert desk.history(1) == [("replay", "bob", "created")]
    assert len(desk.store.contents.events) == 1


async def test_a_discarded_letter_can_be_replayed_by_its_id_alone(desk: Desk) -> None:
    await desk.receive([request(b"{")])
    await desk.discard.by_id([1], "ann")
    assert desk.states == {1: _DISCARDED}

    (result,) = await desk.replay.by_id([1], "bob", MessageEdit(value=b""))
    assert (result.reason, result.state) == (Reason.EMPTY_BODY, _DISCARDED)
    (result,) = await desk.replay.by_id([1], "bob", _SOUND)
    assert result.outcome is Outcome.CREATED
    assert desk.history(1) == [
        ("discard", "ann", None),
        ("failed_replay", "bob", "empty_body"),
        ("replay", "bob", "created"),
    ]


async def test_letters_that_are_not_there_are_left_out(desk: Desk) -> None:
    assert await desk.replay.by_id([1, 2], "ann") == []


async def test_a_row_that_the_database_refuses_costs_exactly_its_letter(desk: Desk) -> None:
    await desk.receive([request(b"{", id=task_id(number)) for number in range(1, 8)])
    desk.store.refuses |= {task_id(3), task_id(7)}
    results = await desk.replay.by_id(range(1, 8), "ann", _SOUND)

    assert [result.letter_id for result in results] == list(range(1, 8))
    refused = {result.letter_id for result in results if result.reason is Reason.REFUSED_BY_DATABASE}
    assert refused == {3, 7}
    assert {letter for letter, state in desk.states.items() if state is _OPEN} == refused
    assert len(desk.store.contents.tasks) == 5
    assert desk.history(3) == [("failed_replay", "ann", "refused_by_database")]


async def test_a_dry_run_tells_and_writes_nothing(desk: Desk) -> None:
    await desk.receive([request(b"{"), report("completed", b"{", id=task_id(2)), report("completed", b"{")])
    before = desk.store.contents.copy()
    edit = MessageEdit(value=orjson.dumps(body() | {"result": "r"}))
    would = await desk.replay.by_id([1, 2, 3], "ann", edit, dry_run=True)

    assert [result.word for result in would] == ["created", "unknown_task", "applied"]
    assert desk.store.contents == before
    assert await desk.replay.by_id([1, 2, 3], "ann", edit) == would
