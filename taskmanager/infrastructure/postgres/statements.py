"""The statements that the code runs: named blocks of `sql/queries/*.sql`."""

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def sql_directory() -> Path:
    """Where `sql/` lies: TASKMANAGER_SQL_DIR where the package is installed apart from it, else beside the package."""
    chosen = os.environ.get("TASKMANAGER_SQL_DIR")
    return Path(chosen) if chosen else Path(__file__).parents[3] / "sql"


@cache
def load_statements(adapter: str) -> Mapping[str, str]:
    """The statements of `sql/queries/<adapter>.sql` by name, without their final semicolons.

    Raises `FileNotFoundError` for an unknown adapter and `ValueError` for a name given twice.
    """
    _, *parts = _NAME.split((sql_directory() / "queries" / f"{adapter}.sql").read_text(encoding="utf-8"))
    statements: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if name in statements:
            raise ValueError(f"{adapter}.sql names {name} twice")
        statements[name] = text.strip().removesuffix(";")
    return MappingProxyType(statements)
