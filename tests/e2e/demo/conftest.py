"""A way to run the demo as its users do."""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from taskmanager.devstack import StackInfo, default_root
from taskmanager.programs.demo.workspace import Workspace
from tests.e2e.demo.launcher import Demo

Write = Callable[[Iterable[object]], Path]


@pytest.fixture
def demo(stack: StackInfo) -> Iterator[Demo]:
    demo = Demo(dict(os.environ))
    yield demo
    demo.end()


@pytest.fixture
def workspace(stack: StackInfo) -> Iterator[str]:
    """The name of a standing workspace that is dropped after the test."""
    name = f"demo_test_{secrets.token_hex(4)}"
    yield name
    Workspace.standing(name).drop(stack)
    shutil.rmtree(default_root() / "demo" / name, ignore_errors=True)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of messages: texts as they are, anything else as JSON."""

    def write(lines: Iterable[object]) -> Path:
        path = tmp_path / "messages.jsonl"
        texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return path

    return write
