"""Every way in which history can be damaged is planted and found, and nothing else is reported."""

# ruff: noqa: S608 - the values are ours

from contextlib import closing

import psycopg2
import pytest

from taskmanager.application.use_cases.verify_history import Verification, VerifyHistory
from taskmanager.application.verification.findings import EXAMPLES_MAX, FindingKind
from taskmanager.infrastructure.postgres.history import PostgresHistory
from tests.builders import task_id
from tests.scratch import ScratchDatabase

from .corruptions import CONTENT, CORRUPTIONS


def verify(database: ScratchDatabase, sample: int | None = None) -> Verification:
    """Runs all checks as the runtime role."""
    with closing(psycopg2.connect(database.dsn("app"))) as connection:
        return VerifyHistory(PostgresHistory(connection), lambda: None, lambda words: None)(sample)


def plant(database: ScratchDatabase, statement: str) -> None:
    """Does what no program may: past the triggers that keep history as it is."""
    with database.connected("superuser") as connection, connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute(statement)
        assert cursor.rowcount > 0, "nothing was damaged"


def test_a_database_with_messages_of_every_outcome_is_clean(filled: ScratchDatabase) -> None:
    outcomes = "least(sum(created), sum(applied), sum(heartbeat), sum(duplicate), sum(refused), sum(parked), sum(dead))"
    assert filled.value(f"select {outcomes} from consumer_offsets") > 0
    assert filled.value("select least(sum(duplicate), sum(heartbeat)) from unparked_counts") > 0
    verification = verify(filled)
    assert verification.findings.totals == {}
    assert verification.is_clean
    assert (verification.partitions, verification.tasks, verification.replayed) == (3, 9, 9)
    assert verification.events == filled.value("select count(*) from task_events")
    assert verification.offsets == filled.value("select sum(next_offset - first_offset) from consumer_offsets")


def test_an_empty_database_is_clean(database: ScratchDatabase) -> None:
    verification = verify(database)
    assert verification.is_clean
    assert verification.tasks == 0


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_it_finds(filled: ScratchDatabase, name: str) -> None:
    statement, where, kinds = CORRUPTIONS[name]
    plant(filled, statement)
    findings = verify(filled).findings
    assert set(findings.totals) == kinds
    assert where in {finding.where for kind in kinds for finding in findings.examples(kind)}


def test_every_kind_of_finding_about_the_database_was_planted() -> None:
    about_kafka = {FindingKind.TOPIC_ID, FindingKind.BEYOND_TOPIC_END, FindingKind.UNREAD_REMOVED}
    assert set().union(*(kinds for _, _, kinds in CORRUPTIONS.values())) == set(FindingKind) - about_kafka


@pytest.mark.parametrize("column", CONTENT)
def test_it_finds_a_changed(filled: ScratchDatabase, column: str) -> None:
    plant(filled, f"update web_crawl_tasks set {column} = {CONTENT[column]} where id = '{task_id(2)}'")
    findings = verify(filled).findings
    found = {(finding.where, finding.expected.split(" ")[0]) for finding in findings.examples(FindingKind.TASK_CONTENT)}
    assert found == {(task_id(2), column)}


def test_a_sample_is_rebuilt_and_everything_else_is_still_looked_at(filled: ScratchDatabase) -> None:
    plant(filled, f"update web_crawl_tasks set version = 2 where id = '{task_id(2)}'")
    none = verify(filled, sample=0)
    assert none.replayed == 0
    assert set(none.findings.totals) == {FindingKind.TASK_VERSION}
    assert verify(filled, sample=4).replayed == 4
    assert FindingKind.TASK_CONTENT in verify(filled, sample=1000).findings.totals


def test_it_shows_the_first_of_many_and_counts_all(filled: ScratchDatabase) -> None:
    plant(
        filled,
        "insert into web_crawl_tasks (id, user_email, user_query, original_url, status, version, attempt, received_at,"
        " created_at, updated_at) select gen_random_uuid(), 'a@example.com', 'q', 'https://example.com/', 'new', 1, 1,"
        " now(), now(), now() from generate_series(1, 50)",
    )
    findings = verify(filled).findings
    assert findings.totals[FindingKind.TASK_WITHOUT_EVENTS] == 50
    assert len(findings.examples(FindingKind.TASK_WITHOUT_EVENTS)) == EXAMPLES_MAX


def test_it_sees_one_moment_whatever_is_written_meanwhile(filled: ScratchDatabase) -> None:
    """The task and its counter go while the checks are under way."""

    def interfere(words: str) -> None:
        if "counters" in words:
            plant(filled, "delete from task_counters")

    with closing(psycopg2.connect(filled.dsn("app"))) as connection:
        assert VerifyHistory(PostgresHistory(connection), lambda: None, interfere)().is_clean
    assert not verify(filled).is_clean


def test_it_changes_nothing_and_cannot(filled: ScratchDatabase) -> None:
    with closing(psycopg2.connect(filled.dsn("app"))) as connection:
        PostgresHistory(connection).totals()
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction), connection.cursor() as cursor:
            cursor.execute("delete from parked_statuses")
