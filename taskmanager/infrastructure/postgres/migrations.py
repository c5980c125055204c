"""The migrations that the code brings along, and what may be wrong between them and a database."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)").fullmatch
_NO_TRANSACTION = re.compile(r"^-- no transaction$", re.MULTILINE)
_END_OF_STATEMENT = re.compile(r";[ \t]*(?:--.*)?$", re.MULTILINE)
_ONLY_COMMENTS = re.compile(r"(?:\s|--[^\n]*)*").fullmatch


class MigrationError(Exception):
    """The schema cannot be brought up to date; the text tells why and what to do."""


class MigrationDelayed(MigrationError):  # noqa: N818 - reads as the sentence it stands in
    """Something is in the way that goes away by itself: trying again later may help."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `sql/migrations`."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 (hex) of the text, whatever ends its lines."""
        return checksum(self.text)

    @property
    def statements(self) -> Sequence[str]:
        """What runs as one: the whole file in a transaction, or, under the line `-- no transaction`, each statement.

        Such a file's statements end with a semicolon at the end of a line.
        """
        if _NO_TRANSACTION.search(self.text) is None:
            return [self.text]
        return [part.strip() for part in _END_OF_STATEMENT.split(self.text) if not _ONLY_COMMENTS(part)]

    @property
    def is_transactional(self) -> bool:
        """Whether it happens as a whole or not at all."""
        return _NO_TRANSACTION.search(self.text) is None


class AppliedMigration(NamedTuple):
    """A migration that a database has."""

    version: int
    name: str
    checksum: str
    applied_at: datetime


def checksum(text: str) -> str:
    """SHA-256 (hex) of a text, whatever ends its lines."""
    return sha256("\n".join(text.splitlines()).encode()).hexdigest()


def read_migrations(directory: Path) -> list[Migration]:
    """The migrations in a directory by version; raises `MigrationError` unless they are NNNN_name.sql from 0001 on."""
    migrations = []
    for path in sorted(directory.glob("*.sql")):
        named = _FILE_NAME(path.stem)
        if named is None:
            raise MigrationError(f"{path.name} is no migration's name: call it NNNN_what_it_does.sql, in lower case")
        migrations.append(Migration(int(named[1]), path.stem, path.read_text(encoding="utf-8")))
    if not migrations:
        raise MigrationError(f"there is no migration in {directory}: set TASKMANAGER_SQL_DIR to the directory sql")
    for expected, migration in enumerate(migrations, start=1):
        if migration.version != expected:
            raise MigrationError(
                f"{migration.name}.sql stands where number {expected:04d} is due: versions are unique and without a gap"
            )
    return migrations


def pending_migrations(migrations: Sequence[Migration], applied: Sequence[AppliedMigration]) -> list[Migration]:
    """What a database still lacks; raises `MigrationError` where its history is not the beginning of this one."""
    newest = applied[-1].version if applied else 0
    if newest > len(migrations):
        raise MigrationError(
            f"the database is at migration {newest}, and this release knows {len(migrations)}: "
            "run a release that is at least as new as the one that migrated it, or restore a backup from before"
        )
    for expected, (known, done) in enumerate(zip(migrations, applied, strict=False), start=1):
        if done.version != expected:
            raise MigrationError(
                f"the database lacks migration {expected:04d} and has a later one: its table schema_migrations was "
                "changed by hand; restore the row if the migration was applied, else restore a backup"
            )
        if done.name != known.name or done.checksum != known.checksum:
            raise MigrationError(
                f"{known.name}.sql is not what was applied as {done.name} on {done.applied_at:%Y-%m-%d}: "
                "restore the file, and put the change into a new migration"
            )
    return list(migrations[len(applied) :])
