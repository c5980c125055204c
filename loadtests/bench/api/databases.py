"""A migrated database for each server, and what is in it afterwards."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple
from uuid import uuid4

import psycopg2

from taskmanager.devstack import StackInfo
from taskmanager.devstack.databases import create_database, drop_database, superuser
from taskmanager.infrastructure.postgres.migrator import Migrator


class Made(NamedTuple):
    """What creating has left."""

    tasks: int
    events: int
    counted: int


@contextmanager
def fresh_database(info: StackInfo) -> Iterator[str]:
    """The name of a migrated database, dropped at the end."""
    name = f"bench_{uuid4().hex[:12]}"
    create_database(info, name)
    try:
        with closing(psycopg2.connect(info.dsn("owner", name))) as connection:
            Migrator(connection, info.app_user).migrate(wait=30)
        yield name
    finally:
        drop_database(info, name)


def count(info: StackInfo, database: str) -> Made:
    """Counts rows, each kind by itself."""
    with closing(psycopg2.connect(info.dsn("app", database))) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from web_crawl_tasks), (select count(*) from task_events),"
            " (select coalesce(sum(count), 0)::bigint from task_counters)"
        )
        ((tasks, events, counted),) = cursor.fetchall()
    return Made(tasks, events, counted)


def some_ids(info: StackInfo, database: str, most: int) -> list[str]:
    """Ids of tasks in a random order."""
    with closing(psycopg2.connect(info.dsn("app", database))) as connection, connection.cursor() as cursor:
        cursor.execute("select id::text from web_crawl_tasks order by random() limit %s", (most,))
        return [task_id for (task_id,) in cursor]


def processes(info: StackInfo, database: str) -> list[int]:
    """PostgreSQL's processes that work for this database: its backends, and those that write for all."""
    with superuser(info) as cursor:
        cursor.execute(
            "select pid from pg_stat_activity where pid <> pg_backend_pid() and (datname = %s or datname is null)",
            (database,),
        )
        return [pid for (pid,) in cursor]


def checkpoint(info: StackInfo) -> None:
    """Writes out what is waiting, so that no server pays for another's writes."""
    with superuser(info) as cursor:
        cursor.execute("checkpoint")
