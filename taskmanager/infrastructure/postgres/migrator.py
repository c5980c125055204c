"""Brings a database's schema up to date."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its class in lower case
from psycopg2.extensions import quote_ident

from taskmanager.infrastructure.postgres.migrations import (
    AppliedMigration,
    Migration,
    MigrationDelayed,
    MigrationError,
    checksum,
    pending_migrations,
    read_migrations,
)
from taskmanager.infrastructure.postgres.statements import load_statements, sql_directory

OLDEST_SERVER = 15
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What a run has done; all empty where there was nothing to do."""

    version: int
    applied: Sequence[str]
    functions_replaced: bool
    role_granted: bool
    partitions_made: int


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where a database stands."""

    applied: Sequence[AppliedMigration]
    pending: Sequence[Migration]


class Migrator:
    """Applies `sql/migrations`, then `sql/functions`, then the grants to `runtime_role`, then makes partitions.

    Any number may run at once: one works, the others wait for it and find nothing left to do. The connection belongs to
    the owner of the tables, and must not be used for anything else meanwhile. Raises `MigrationError`.
    """

    def __init__(self, connection: Connection, runtime_role: str, directory: Path | None = None) -> None:
        self._connection = connection
        self._role = runtime_role
        self._directory = directory or sql_directory()
        self._statements = load_statements("migrator")

    def status(self) -> MigrationStatus:
        """What is applied and what is not; changes nothing."""
        self._connection.autocommit = True
        self._run("prepare_session")
        known = read_migrations(self._directory / "migrations")
        applied = self._applied()
        return MigrationStatus(applied, pending_migrations(known, applied))

    def migrate(self, *, wait: float, waiting: Callable[[], None] = lambda: None) -> MigrationReport:
        """Does all that is left to do, after waiting up to `wait` seconds for others (`waiting` is called once)."""
        self._connection.autocommit = True
        self._run("prepare_session")
        self._check_server()
        known = read_migrations(self._directory / "migrations")
        self._lock(wait, waiting)
        if not self._value("has_bookkeeping"):
            self._run("create_bookkeeping")
        pending = pending_migrations(known, self._applied())
        for migration in pending:
            self._apply(migration)
        functions = "\n".join(
            path.read_text(encoding="utf-8") for path in sorted((self._directory / "functions").glob("*.sql"))
        )
        # What a migration dropped and made anew needs its functions and grants again, though their files are the same.
        state = f"{known[-1].version} {functions}"
        return MigrationReport(
            version=known[-1].version,
            applied=[migration.name for migration in pending],
            functions_replaced=self._repeat("functions", functions, checksum(state)),
            role_granted=self._grant(state),
            partitions_made=self._value("ensure_partitions"),
        )

    def _check_server(self) -> None:
        major = self._value("server_version") // 10_000
        if major < OLDEST_SERVER:
            raise MigrationError(f"the server is PostgreSQL {major}: {OLDEST_SERVER} or newer is needed")

    def _lock(self, wait: float, waiting: Callable[[], None]) -> None:
        deadline = monotonic() + wait
        told = False
        while not self._value("try_lock"):
            if monotonic() >= deadline:
                raise MigrationDelayed(f"another migration has been at work for {wait:g} s: run again, or wait longer")
            if not told:
                waiting()
                told = True
            sleep(_PAUSE)

    def _apply(self, migration: Migration) -> None:
        row = {"version": migration.version, "name": migration.name, "checksum": migration.checksum}
        with self._explained(f"{migration.name}.sql"):
            if migration.is_transactional:
                with self._transaction():
                    self._execute(migration.text)
                    self._run("record", row)
                return
            self._run("wait_for_locks", {"limit": "0"})
            for statement in migration.statements:
                self._execute(statement)
            self._run("record", row)
            self._run("prepare_session")

    def _grant(self, state: str) -> bool:
        rows = self._run("role", {"role": self._role})
        if not rows:
            raise MigrationError(
                f"the role {self._role} does not exist: create it (create role … login password …), "
                "or set POSTGRES_USER to the role of the running programs"
            )
        oid, is_owner = rows[0]
        if is_owner:
            return False
        template = (self._directory / "grants.sql").read_text(encoding="utf-8")
        text = template.replace("{role}", quote_ident(self._role, self._connection))
        return self._repeat(f"grants to {self._role}", text, checksum(f"{text} {oid} {state}"))

    def _repeat(self, part: str, text: str, current: str) -> bool:
        """Runs a text that may be run again, where it or what it depends on has changed."""
        if dict(self._run("checksums")).get(part) == current:
            return False
        with self._explained(part), self._transaction():
            self._execute(text)
            self._run("record_checksum", {"part": part, "checksum": current})
        return True

    def _applied(self) -> list[AppliedMigration]:
        if not self._value("has_bookkeeping"):
            return []
        return [AppliedMigration(*row) for row in self._run("applied")]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._execute("begin")
        try:
            yield
        except BaseException:
            if not self._connection.closed:
                self._execute("rollback")
            raise
        self._execute("commit")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except psycopg2.errors.LockNotAvailable as error:
            raise MigrationDelayed(f"{what} could not lock a table within 30 s: run again at a quieter time") from error
        except psycopg2.Error as error:
            raise MigrationError(f"{what} failed: {' '.join(str(error).split())}") from error

    def _value(self, statement: str) -> Any:
        return self._run(statement)[0][0]

    def _run(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        return self._execute(self._statements[statement], parameters)

    def _execute(self, text: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(text, parameters)
            return cursor.fetchall() if cursor.description else []
