"""What a failure of the driver means to the application."""

import psycopg2
import psycopg2.errors
import pytest
from psycopg2.errorcodes import lookup

from taskmanager.application.ports import GIVEN_UP, RowRefused, StoreConflict, StoreError, StoreUnavailable
from taskmanager.infrastructure.postgres.errors import translate
from taskmanager.infrastructure.resilience.refusals import is_store_outage


class Diagnostics:
    """What the server says of an error beside its text."""

    def __init__(self, primary: str, constraint: str | None = None, column: str | None = None) -> None:
        self.message_primary = primary
        self.constraint_name = constraint
        self.column_name = column


def error(code: str, primary: str = "no", constraint: str | None = None, column: str | None = None) -> psycopg2.Error:
    """An error as the driver raises it; only the server can set its code, hence the subclass."""
    kind = psycopg2.errors.lookup(code)
    diagnostics = Diagnostics(primary, constraint, column)
    return type(kind.__name__, (kind,), {"pgcode": code, "diag": diagnostics})(primary)  # type: ignore[no-any-return]


@pytest.mark.parametrize("code", ["22021", "22P05", "22003", "23502", "54000", "54001"])
def test_a_value_that_the_database_will_never_take_is_a_refused_row(code: str) -> None:
    assert isinstance(translate(error(code)), RowRefused)


def test_a_broken_check_is_a_refused_row_but_a_missing_partition_is_our_own_omission() -> None:
    assert isinstance(translate(error("23514", constraint="progress_check")), RowRefused)
    assert isinstance(translate(error("23514")), StoreUnavailable)


@pytest.mark.parametrize("code", ["23505", "40001", "40P01"])
def test_what_another_writer_caused_is_a_conflict(code: str) -> None:
    assert isinstance(translate(error(code)), StoreConflict)


@pytest.mark.parametrize(
    "code", ["08006", "57P01", "57P03", "53300", "53100", "55006", "25006", "25P03", "42501", "42P01", "XX000"]
)
def test_anything_else_may_work_later_and_is_told_by_its_class(code: str) -> None:
    translated = translate(error(code))

    assert isinstance(translated, StoreUnavailable), lookup(code)
    assert translated.kind == code[:2]


@pytest.mark.parametrize("code", ["57014", "55P03"])
def test_a_limit_of_the_servers_own_is_told_from_an_outage(code: str) -> None:
    translated = translate(error(code))

    assert isinstance(translated, StoreUnavailable)
    assert translated.kind == GIVEN_UP
    assert not is_store_outage(translated)


@pytest.mark.parametrize(
    "failure", [psycopg2.OperationalError("server closed\nthe connection"), OSError("reset"), OSError()]
)
def test_a_failure_without_a_code_is_one_of_the_connection(failure: Exception) -> None:
    translated = translate(failure)

    assert isinstance(translated, StoreUnavailable)
    assert translated.kind == "connection"
    assert "\n" not in str(translated)


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (error("22P02", 'invalid input syntax for type integer: "s3cret"'), "invalid input syntax for type integer"),
        (error("22003", '"s3cret" is out of range for type double precision'), "NumericValueOutOfRange"),
        (error("22001", 'value "s3cret" is too long'), "value"),
        (error("23514", 'new row for relation "t" violates', "t_check"), "new row for relation (t_check)"),
        (error("23502", 'null value in column "worker"', column="worker"), "null value in column (worker)"),
    ],
)  # fmt: skip
def test_the_text_names_the_rule_and_never_the_value(refused: psycopg2.Error, said: str) -> None:
    translated: StoreError = translate(refused)

    assert str(translated) == f"SQLSTATE {refused.pgcode}: {said}"
