"""The structure of a database as readable DDL."""

from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its class in lower case

from taskmanager.infrastructure.postgres.statements import load_statements

_HEADER = """\
-- The structure that the migrations and functions add up to, for reading and comparing; it is written by
-- `taskmanager migrate --snapshot`, and tests prove it equal to a migrated database. Partitions of the log, which
-- ensure_event_partitions() makes, and privileges (grants.sql) are not part of it.

set check_function_bodies = off;
"""
# An order in which the statements can be run.
_PARTS = ("enums", "sequences", "tables", "foreign_keys", "sequence_owners", "functions", "indexes", "triggers")


def schema_snapshot(connection: Connection) -> str:
    """DDL that makes the same structure in an empty database; equal structures give equal texts.

    Raises `NotImplementedError` where the structure has a part that it does not know how to describe.
    """
    statements = load_statements("schema_snapshot")
    paragraphs = [_HEADER]
    with connection.cursor() as cursor:
        cursor.execute(statements["undescribed"])
        undescribed = [name for (name,) in cursor.fetchall()]
        if undescribed:
            raise NotImplementedError(f"teach sql/queries/schema_snapshot.sql to describe {', '.join(undescribed)}")
        for part in _PARTS:
            cursor.execute(statements[part])
            paragraphs.extend(f"{ddl}\n" for (ddl,) in cursor.fetchall())
    return "\n".join(paragraphs)
