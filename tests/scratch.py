"""Databases that live as long as a test."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its class in lower case

from taskmanager.devstack import StackInfo
from taskmanager.devstack.databases import create_database, drop_database
from taskmanager.devstack.info import Role
from taskmanager.infrastructure.postgres.migrator import MigrationReport, Migrator


class ScratchDatabase:
    """A database and the ways into it."""

    def __init__(self, info: StackInfo, name: str) -> None:
        self.info = info
        self.name = name

    @property
    def environment(self) -> dict[str, str]:
        """The environment with which the programs use this database."""
        return self.info.environment() | {"POSTGRES_DB": self.name}

    def dsn(self, role: Role = "owner") -> str:
        """A libpq connection string for this role."""
        return self.info.dsn(role, self.name)

    @contextmanager
    def connected(self, role: Role = "owner", *, autocommit: bool = True) -> Iterator[Connection]:
        """A connection as this role, closed at the end."""
        with closing(psycopg2.connect(self.dsn(role), connect_timeout=5)) as connection:
            connection.autocommit = autocommit
            yield connection

    def run(
        self, statement: str, parameters: Mapping[str, Any] | tuple[Any, ...] | None = None, *, role: Role = "owner"
    ) -> list[tuple[Any, ...]]:
        """Runs a statement by itself; its rows, if it has any."""
        with self.connected(role) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, parameters: Mapping[str, Any] | tuple[Any, ...] | None = None) -> Any:
        """The only value of the only row."""
        ((value,),) = self.run(statement, parameters)
        return value

    def migrate(self) -> MigrationReport:
        """Brings the schema up to date."""
        with self.connected() as connection:
            return Migrator(connection, self.info.app_user).migrate(wait=60)


@contextmanager
def scratch_database(info: StackInfo, template: str | None = None) -> Iterator[ScratchDatabase]:
    """A new database, empty or a copy of `template`, dropped at the end."""
    name = f"test_{uuid4().hex[:12]}"
    create_database(info, name, template)
    try:
        yield ScratchDatabase(info, name)
    finally:
        drop_database(info, name)


@contextmanager
def migrated_template(info: StackInfo) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to."""
    with scratch_database(info) as database:
        database.migrate()
        yield database.name
