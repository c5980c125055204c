"""A database that refuses some rows costs exactly those messages."""

from collections.abc import Callable

import pytest

from tests.builders import task_id
from tests.fakes.batches import numbered
from tests.fakes.messages import REQUESTS, STATUSES, body, report, request
from tests.integration.ingest.writers import Writer, broken_promises, effects, pass_unseen
from tests.scratch import ScratchDatabase

_Make = Callable[..., Writer]

# Refuses requests that ask for "refuse <SQLSTATE>" and reports with such a result.
_RULE = """
create function refuse() returns trigger language plpgsql as $$
declare
    wish text := coalesce(new.result, new.user_query);
begin
    if wish like 'refuse %' then
        raise exception 'a rule against "%"', wish using errcode = substr(wish, 8), constraint = 'house_rule';
    end if;
    return new;
end $$;
create trigger refuse before insert or update on web_crawl_tasks for each row execute function refuse();
"""


@pytest.fixture
def strict(database: ScratchDatabase) -> ScratchDatabase:
    """A database with a rule of the house."""
    database.run(_RULE)
    return database


def dead(database: ScratchDatabase) -> list[tuple[str, int, int, str, str]]:
    """The dead letters: position, reason and task."""
    return database.run(
        "select source_topic, source_partition, source_offset, reason, task_id::text from dead_letters order by 1, 2, 3"
    )


@pytest.mark.parametrize("code", ["22021", "23514", "54000"])
@pytest.mark.parametrize("refused", [{0}, {3, 4, 11}, set(range(12))], ids=str)
async def test_exactly_the_refused_requests_become_dead_letters(
    writer: _Make, strict: ScratchDatabase, refused: set[int], code: str
) -> None:
    messages = numbered(
        [
            request(
                body(userQuery=f"refuse {code}" if number in refused else "hours"),
                id=task_id(number),
                partition=number % 2,
            )
            for number in range(12)
        ]
    )
    await writer().receive(messages)

    assert dead(strict) == sorted(
        (REQUESTS, number % 2, number // 2, "refused_by_database", str(task_id(number))) for number in refused
    )
    assert effects(strict) == (12 - len(refused), 12 - len(refused), 12)
    assert broken_promises(strict) == []


async def test_the_letter_names_the_rule_and_holds_the_message(writer: _Make, strict: ScratchDatabase) -> None:
    message = request(body(userQuery="refuse 23514"), key=b"\0key")
    await writer().receive([message])
    ((detail, key, value),) = strict.run("select detail, key, value from dead_letters")

    assert detail == "SQLSTATE 23514: a rule against (house_rule)"
    assert (bytes(key), bytes(value)) == (message.key, message.value)


async def test_a_refused_report_leaves_the_task_and_the_other_reports(writer: _Make, strict: ScratchDatabase) -> None:
    consumer = writer()
    await consumer.receive(numbered([request(), request(id=task_id(2))]))
    reports = numbered(
        [
            report("started"),
            report("started", id=task_id(2)),
            report("completed", {"result": "refuse 22000"}),
            report("completed", id=task_id(2)),
            report("failed", {"error": "e"}),
        ]
    )
    await consumer.receive(reports)

    assert dead(strict) == [(STATUSES, 0, 2, "refused_by_database", str(task_id(1)))]
    assert strict.run("select status::text from web_crawl_tasks order by id") == [("error",), ("completed",)]
    assert broken_promises(strict) == []


async def test_a_refused_parked_report_does_not_hold_up_the_sweep(writer: _Make, strict: ScratchDatabase) -> None:
    creator, reporter = writer(), writer()
    await creator.register([request(), report()])
    for number in range(5):
        await pass_unseen(creator, reporter, task_id(number), number)
    strict.run("update parked_statuses set report = jsonb_set(report::jsonb, '{result}', '\"refuse 22000\"')"
               " where task_id = %s", (task_id(3),))  # fmt: skip

    assert await creator.sweep() == 4
    assert strict.run("select task_id::text from parked_statuses") == []
    assert strict.run("select task_id::text, reason from dead_letters") == [(task_id(3), "refused_by_database")]
    assert broken_promises(strict) == []
