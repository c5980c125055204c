"""The service's roles and database, and scratch databases for tests and benchmarks."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812  (the driver names its class in lower case)
from psycopg2.sql import SQL, Identifier, Literal

from taskmanager.devstack.info import StackInfo


def provision(info: StackInfo) -> None:
    """Create the owner role, the role of the service and the database, each if it is missing.

    The database comes last: where it exists, all is there.
    """
    with superuser(info) as cursor:
        for user, password in ((info.owner_user, info.owner_password), (info.app_user, info.app_password)):
            cursor.execute("select 1 from pg_roles where rolname = %s", (user,))
            if cursor.fetchone() is None:
                cursor.execute(SQL("create role {} login password {}").format(Identifier(user), Literal(password)))
    create_database(info, info.postgres_db)


def create_database(info: StackInfo, name: str, template: str | None = None) -> None:
    """Create a database that the owner role owns, as a copy of `template` if given.

    Nobody may be connected to the template. Raises psycopg2.errors.DuplicateDatabase if the name is taken.
    """
    statement = SQL("create database {} owner {} template {}").format(
        Identifier(name), Identifier(info.owner_user), Identifier(template or "template1")
    )
    with superuser(info) as cursor:
        cursor.execute(statement)


def drop_database(info: StackInfo, name: str) -> None:
    """Drop the database if it exists, and cut whoever is connected to it."""
    with superuser(info) as cursor:
        cursor.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))


@contextmanager
def superuser(info: StackInfo) -> Iterator[Cursor]:
    """A cursor of the superuser on the maintenance database; every statement is a transaction of its own."""
    with closing(psycopg2.connect(info.dsn(database="postgres"), connect_timeout=2)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
