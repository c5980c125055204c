"""What the database itself promises about dead letters."""

import pytest
from psycopg2.errors import CheckViolation, InsufficientPrivilege

from taskmanager.infrastructure.postgres.statements import load_statements
from tests.scratch import ScratchDatabase

_ANY = dict.fromkeys(("reasons", "topic", "partition", "task_id", "since", "until", "state", "before"))
_BOUNDS = {"limit": 10, "after": 0, "up_to": 99}


@pytest.fixture
def letter(migrated: ScratchDatabase) -> ScratchDatabase:
    """A database with one letter."""
    migrated.run(
        "insert into dead_letters (source_topic, source_topic_id, source_partition, source_offset, reason, detail,"
        " value, headers, recorded_at) values ('t', 'incarnation', 0, 0, 'tombstone', 'd', null, '[]', now())",
        role="app",
    )
    return migrated


@pytest.mark.parametrize(
    "change",
    [
        "value = ''",
        "key = 'k'",
        "headers = '[[]]'",
        "reason = 'empty_body'",
        "detail = ''",
        "source_offset = 1",
        "source_topic_id = 'other'",
        "recorded_at = now()",
    ],
)
@pytest.mark.parametrize("role", ["app", "owner"])
def test_nobody_changes_the_message_of_a_letter(letter: ScratchDatabase, role: str, change: str) -> None:
    with pytest.raises(InsufficientPrivilege, match="never changed"):
        letter.run(f"update dead_letters set {change}", role=role)  # type: ignore[arg-type]  # noqa: S608


def test_the_state_of_a_letter_changes_and_its_history_grows(letter: ScratchDatabase) -> None:
    letter.run(
        "update dead_letters set state = 'replayed', settled_by = 'ann', task_id = gen_random_uuid()", role="app"
    )
    insert = "insert into dead_letter_actions (letter_id, recorded_at, actor, action) select id, now(), 'ann', %s"
    letter.run(f"{insert} from dead_letters", ("replay",), role="app")
    with pytest.raises(CheckViolation):
        letter.run(f"{insert} from dead_letters", ("burn",), role="app")
    for change in ("delete from dead_letter_actions", "update dead_letter_actions set actor = 'bob'"):
        with pytest.raises(InsufficientPrivilege, match="permission denied"):
            letter.run(change, role="app")


@pytest.mark.parametrize("name", ["newest", "counts", "extent", "following"])
def test_a_filter_is_planned_with_the_statement_around_it(migrated: ScratchDatabase, name: str) -> None:
    assert "Function Scan" not in plan(migrated, name, {})


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"state": "open"}, "dead_letters_open"),
        ({"task_id": "0190f1c2-7a3b-7cde-8f01-23456789abcd"}, "dead_letters_task"),
    ],
)
def test_the_conditions_of_a_filter_choose_the_index(
    migrated: ScratchDatabase, wanted: dict[str, str], index: str
) -> None:
    assert index in plan(migrated, "extent", wanted)


def plan(database: ScratchDatabase, name: str, wanted: dict[str, str]) -> str:
    """How a statement is carried out where reading a whole table is to be avoided."""
    statement = load_statements("dead_letters")[name]
    with database.connected("app") as connection, connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
        cursor.execute(f"explain {statement}", _ANY | _BOUNDS | wanted)
        return "\n".join(line for (line,) in cursor.fetchall())
