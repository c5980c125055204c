"""Worlds to break; whoever stops a server has a stack of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskmanager.devstack import StackInfo, ensure_up, reset
from tests.scratch import migrated_template

from .servers import PrivateStack
from .world import World, a_world


@pytest.fixture
def world(stack: StackInfo, template_database: str, tmp_path: Path) -> Iterator[World]:
    """A world on the shared stack, whose servers are left alone."""
    with a_world(stack, template_database, tmp_path) as world:
        yield world


@pytest.fixture(scope="session")
def private_stack() -> Iterator[PrivateStack]:
    """A PostgreSQL and a Kafka that may be stopped."""
    root = Path(tempfile.mkdtemp(prefix="faults-"))
    root.chmod(0o755)  # PostgreSQL's own account has to get in
    ensure_up(root)
    yield PrivateStack(root)
    reset(root)
    shutil.rmtree(root)


@pytest.fixture
def breakable_world(private_stack: PrivateStack, tmp_path: Path) -> Iterator[World]:
    """A world on servers that may be stopped; they are up again at the end."""
    info = private_stack.up()
    with migrated_template(info) as template, a_world(info, template, tmp_path) as world:
        yield world
        private_stack.up()
