"""Dead letters of a real database are put right, and history stays whole."""

from collections.abc import Callable

import orjson

from taskmanager.application.changes import Outcome
from taskmanager.application.dead_letter_model import LetterFilter, LetterState
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.use_cases.dead_letters.message_edit import AS_IT_WAS, MessageEdit
from tests.builders import task_id
from tests.fakes.batches import numbered
from tests.fakes.messages import body, report, request
from tests.fakes.poison import POISON
from tests.integration.dead_letters.conftest import Operator
from tests.integration.ingest.writers import Writer
from tests.scratch import ScratchDatabase

_Operator = Callable[..., Operator]
_Writer = Callable[[], Writer]
_Findings = Callable[[], dict[str, list[str]]]
_SOUND = MessageEdit(value=orjson.dumps(body()))
_STATES = "select id, state from dead_letters order by id"


async def test_poison_as_it_was_is_still_poison_for_the_same_reason(
    operator: _Operator, writer: _Writer, findings: _Findings, database: ScratchDatabase
) -> None:
    await writer().receive(numbered([poison for _, poison in POISON.values()]))
    results = await operator().replay.by_id(range(1, len(POISON) + 1), "ann")

    recorded = dict(database.run("select id, reason from dead_letters"))
    assert {result.letter_id: result.reason for result in results} == recorded
    assert sorted(recorded.values()) == sorted(reason.value for reason, _ in POISON.values())
    assert {result.state for result in results} == {LetterState.OPEN}
    assert database.value("select count(*) from web_crawl_tasks") == 0
    assert findings() == {}


async def test_all_poison_can_be_put_right(
    operator: _Operator, writer: _Writer, findings: _Findings, database: ScratchDatabase
) -> None:
    messages = numbered([poison for _, poison in POISON.values()])
    await writer().receive(messages)
    ann = operator()
    for number, message in enumerate(messages, start=1):
        edit = MessageEdit(
            headers={"id": task_id(number).encode(), "status": b"new", "timestamp": b"2026-03-01T12:00:00Z"},
            without_headers=frozenset(name for name, _ in message.headers or ()),
            value=orjson.dumps(body()),
        )
        (result,) = await ann.replay.by_id([number], "ann", edit)
        assert (result.outcome, result.task_id) == (Outcome.CREATED, task_id(number))

    assert database.run("select distinct state, settled_by from dead_letters") == [("replayed", "ann")]
    linked = "select count(*) from dead_letters l join web_crawl_tasks t on t.id = l.task_id"
    assert database.value(linked) == len(messages)
    sources = "select distinct source_topic, source_partition, source_offset from task_events"
    assert database.run(sources) == [(None, None, None)]
    actors = "select count(*) from task_events e join dead_letters l on e.actor = 'dlq:' || l.id || '/ann'"
    assert database.value(actors) == len(messages)
    kept = database.run("select value from dead_letters order by id")
    assert [value if value is None else bytes(value) for (value,) in kept] == [message.value for message in messages]
    assert findings() == {}


async def test_a_story_of_letters_leaves_a_clean_history(
    operator: _Operator, writer: _Writer, findings: _Findings, database: ScratchDatabase
) -> None:
    """Letters of both topics that come to every outcome, beside messages that were sound all along."""
    consumer, ann = writer(), operator()
    await consumer.receive(
        numbered(
            [
                request(),
                request(b"{", id=task_id(2)),
                request(b"[", id=task_id(1)),
                report("started"),
                report("completed", b"{", id=task_id(1)),
                report("completed", b"{", id=task_id(1)),
                report("failed", b"{", id=task_id(1)),
                report("completed", id=task_id(2)),  # parked
                report("started", b"{", id=task_id(2)),
                report("completed", b"{", id=task_id(9)),
            ]
        )
    )
    everything = MessageEdit(value=orjson.dumps(body() | {"result": "r", "error": "e"}))
    ids = [letter.id for letter in await ann.reader.newest(LetterFilter(), 100)]
    would = await ann.replay.by_id(ids, "ann", everything, dry_run=True)
    assert {state for _, state in database.run(_STATES)} == {"open"}
    results = await ann.replay.by_id(ids, "ann", everything)

    assert results == would
    assert sorted(result.word for result in results) == [
        "applied", "created", "duplicate", "duplicate", "refused", "refused", "unknown_task",
    ]  # fmt: skip
    assert database.run("select id::text, status::text from web_crawl_tasks order by id") == [
        (task_id(1), "completed"), (task_id(2), "completed"),
    ]  # fmt: skip
    assert [state for _, state in database.run(_STATES)].count("open") == 1
    assert database.value("select count(*) from parked_statuses") == 0
    assert findings() == {}


async def test_a_letter_that_was_a_parked_report_takes_effect_when_its_task_is_there(
    operator: _Operator, writer: _Writer, findings: _Findings, database: ScratchDatabase
) -> None:
    consumer, ann = writer(), operator()
    await consumer.receive([report("completed", {"result": "late"})])
    database.run(
        "with gone as (delete from parked_statuses returning *) insert into dead_letters (source_topic,"
        " source_partition, source_offset, reason, detail, task_id, value, headers, message_timestamp, recorded_at)"
        " select source_topic, source_partition, source_offset, 'unknown_task', 'waited', task_id, value, headers,"
        " message_timestamp, now() from gone",
        role="superuser",
    )
    (first,) = await ann.replay.by_id([1], "ann")
    await consumer.receive([request()])
    (second,) = await ann.replay.by_id([1], "ann")

    assert (first.reason, second.outcome) == (DeadLetterReason.UNKNOWN_TASK, Outcome.APPLIED)
    assert database.run("select status::text, result from web_crawl_tasks") == [("completed", "late")]
    assert findings() == {}


async def test_a_request_without_an_id_gets_the_id_of_its_topic_as_it_was_then(
    operator: _Operator, writer: _Writer, database: ScratchDatabase
) -> None:
    await writer().receive([request(b"{", id=None)])
    ann = operator()
    (would,) = await ann.replay.by_id([1], "ann", _SOUND, dry_run=True)
    # The topic is made anew: what is at the same place of it by now is another message.
    database.run("update consumer_offsets set topic_id = gen_random_uuid()::text", role="superuser")
    (result,) = await ann.replay.by_id([1], "ann", _SOUND)

    assert result.task_id == would.task_id is not None


_RULE = """
create function refuse() returns trigger language plpgsql as $$
begin
    if new.user_query = 'refuse' then
        raise exception 'a rule against "%"', new.user_query using errcode = '23514', constraint = 'house_rule';
    end if;
    return new;
end $$;
create trigger refuse before insert or update on web_crawl_tasks for each row execute function refuse();
"""


async def test_a_row_that_the_database_refuses_keeps_only_its_letter_open(
    operator: _Operator, writer: _Writer, findings: _Findings, database: ScratchDatabase
) -> None:
    database.run(_RULE)
    refused = {3, 4, 11}
    bodies = [body(userQuery="refuse" if number in refused else "hours") for number in range(12)]
    await writer().receive(
        numbered([request(each, id=task_id(n), headers={"version": "9"}) for n, each in enumerate(bodies)])
    )
    results = await operator().replay.by_id(range(1, 13), "ann", MessageEdit(without_headers=frozenset({"version"})))

    assert {result.letter_id - 1 for result in results if result.outcome is None} == refused
    assert {result.detail for result in results if result.outcome is None} == {
        "SQLSTATE 23514: a rule against (house_rule)"
    }
    assert database.value("select count(*) from web_crawl_tasks") == 9
    assert {number - 1 for number, state in database.run(_STATES) if state == "open"} == refused
    assert findings() == {}


async def test_a_filter_walks_over_many_letters_and_takes_up_where_it_ended(
    operator: _Operator, writer: _Writer, findings: _Findings, database: ScratchDatabase
) -> None:
    await writer().receive(numbered([request(b"{", id=task_id(number)) for number in range(1300)]))
    ann = operator()
    letters, last_id = await ann.reader.extent(LetterFilter())
    sizes = []
    async for results in ann.replay.matching(LetterFilter(), "ann", _SOUND, up_to=last_id):
        sizes.append(len(results))
        if len(sizes) == 2:
            break  # as if it were interrupted
    assert (letters, sizes) == (1300, [500, 500])

    assert [len(results) async for results in ann.replay.matching(LetterFilter(), "ann", _SOUND, up_to=last_id)] == [
        300
    ]
    assert database.value("select count(*) from web_crawl_tasks") == 1300
    assert findings() == {}


async def test_discarding_and_replaying_afterwards(
    operator: _Operator, writer: _Writer, findings: _Findings, database: ScratchDatabase
) -> None:
    await writer().receive(numbered([request(b"{", id=task_id(number)) for number in range(3)]))
    ann = operator()
    assert [count async for count in ann.discard.matching(LetterFilter(), "ann", "tests", up_to=2)] == [2]
    (result,) = await ann.replay.by_id([1], "bob", _SOUND)

    assert result.outcome is Outcome.CREATED
    assert database.run(_STATES) == [(1, "replayed"), (2, "discarded"), (3, "open")]
    assert [
        (past.action.kind.value, past.action.actor, past.action.detail) for past in await ann.reader.history(1)
    ] == [("discard", "ann", "tests"), ("replay", "bob", None)]
    assert AS_IT_WAS.apply((await ann.reader.load([1], 0))[0].message).value == b"{"
    assert findings() == {}
