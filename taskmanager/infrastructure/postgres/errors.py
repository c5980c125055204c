"""What the driver's failures mean to the application."""

import psycopg2

from taskmanager.application.ports import GIVEN_UP, NO_ROOM, RowRefused, StoreConflict, StoreError, StoreUnavailable

# SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_REFUSED_CLASSES = frozenset({"22", "23", "54"})
# statement_timeout (or somebody who cancels) and lock_timeout
_LIMITS = frozenset({"57014", "55P03"})
_CONFLICTS = frozenset({"23505", "40001", "40P01"})


def translate(error: Exception) -> StoreError:
    """The application's error for one of the driver's; its text holds no values of rows."""
    code = getattr(error, "pgcode", None)
    if code in _CONFLICTS:
        return StoreConflict(f"SQLSTATE {code}")
    if isinstance(error, psycopg2.Error) and code is not None:
        primary = getattr(error.diag, "message_primary", None) or type(error).__name__
        if code[:2] in _REFUSED_CLASSES and not _is_missing_partition(error):
            return RowRefused(f"SQLSTATE {code}: {_without_values(error, primary)}")
        kind = NO_ROOM if _is_missing_partition(error) else GIVEN_UP if code in _LIMITS else code[:2]
        return StoreUnavailable(f"SQLSTATE {code}: {primary}", kind=kind)
    return StoreUnavailable(f"{type(error).__name__}: {error}".strip().splitlines()[0])


def failure_of(error: Exception) -> StoreError:
    """The same, with its cause, unless that quotes a row: its words must not reach a log."""
    failure = translate(error)
    failure.__cause__ = None if isinstance(failure, RowRefused) else error
    return failure


def is_answered(error: Exception) -> bool:
    """Whether the server has said that it did not do what it was asked to, and goes on.

    Where an operator ends the connection (57P01 to 57P05), that may be said of work that was committed just before.
    """
    code = getattr(error, "pgcode", None)
    return code is not None and not code.startswith("57P")


def _is_missing_partition(error: psycopg2.Error) -> bool:
    """No partition for a new event's number looks like a refused value, but is our own omission and no row's fault."""
    return error.pgcode == "23514" and error.diag.constraint_name is None


def _without_values(error: psycopg2.Error, primary: str) -> str:
    """Class 22 quotes the offending input in its message, mostly after a colon; quotations are left out."""
    named = error.diag.constraint_name or error.diag.column_name
    text = primary.split(":", 1)[0].split('"', 1)[0].strip() or type(error).__name__
    return f"{text} ({named})" if named else text
