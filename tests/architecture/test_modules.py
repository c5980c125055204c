"""Rules of the code base that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from taskmanager.application.dead_letters import DeadLetterReason

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "taskmanager"
_MODULES = sorted(_PACKAGE.rglob("*.py"))
_TESTS = sorted((_ROOT / "tests").rglob("*.py"))
_LINES_MAX = 300
_VAGUE = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
# What ends or begins a transaction may stand in the code; the embedded stack and the demo manage servers of their own.
_SQL = re.compile(
    r"\s*(select|insert\s+into|update\s+\w+\s+set|delete\s+from|create\s+(table|index|database|role)|alter\s+\w+|drop\s+\w+"
    r"|truncate|grant|copy\s+\w+\s*\(|with\s+\w+\s+as)\b",
    re.IGNORECASE,
)
_MAY_HOLD_SQL = {_PACKAGE / "devstack"}


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


def _texts(path: Path) -> Iterator[str]:
    """The texts in a module, docstrings left out."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("path", [*_MODULES, *_TESTS], ids=_name)
def test_no_module_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= _LINES_MAX


def test_most_modules_are_short() -> None:
    assert median(len(path.read_text().splitlines()) for path in _MODULES) < 100


@pytest.mark.parametrize("path", [*_MODULES, *_TESTS], ids=_name)
def test_every_module_has_a_name_that_says_something(path: Path) -> None:
    assert not _VAGUE.intersection(path.relative_to(_ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_statements_live_in_sql_files(path: Path) -> None:
    if any(path.is_relative_to(allowed) for allowed in _MAY_HOLD_SQL):
        return

    assert [text for text in _texts(path) if _SQL.match(text)] == []


def test_the_search_for_statements_finds_them() -> None:
    assert _SQL.match("select 1")
    assert _SQL.match("\n  Delete  from tasks")
    assert _SQL.match("select what to do") is not None
    assert not _SQL.match("selected")


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_every_module_that_does_something_says_what(path: Path) -> None:
    source = path.read_text()

    assert not source.strip() or ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("reason", DeadLetterReason)
def test_every_reason_of_a_dead_letter_is_produced_by_the_code(reason: DeadLetterReason) -> None:
    mentions = [path for path in _MODULES if f"DeadLetterReason.{reason.name}" in path.read_text()]

    assert mentions
