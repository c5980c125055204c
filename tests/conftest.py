"""What tests of every kind share: uvloop, markers by directory, and databases on the embedded stack."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from taskmanager.devstack import StackInfo, ensure_up
from tests.scratch import ScratchDatabase, migrated_template, scratch_database

_TESTS = Path(__file__).parent
_MARKED_DIRECTORIES = ("integration", "e2e", "faults")


@pytest.hookimpl
def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], uvloop.Loop]]:
    """Programs run on uvloop, and so do their tests."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.hookimpl
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's directory says what it needs."""
    for item in items:
        if item.path.is_relative_to(_TESTS):
            kind = item.path.relative_to(_TESTS).parts[0]
            if kind in _MARKED_DIRECTORIES:
                item.add_marker(kind)


@pytest.fixture(scope="session")
def stack() -> StackInfo:
    """The embedded PostgreSQL and Kafka, running."""
    return ensure_up(progress=lambda words: print(words, file=sys.stderr))


@pytest.fixture(scope="session")
def template_database(stack: StackInfo) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to; `database` is a copy of it."""
    with migrated_template(stack) as name:
        yield name


@pytest.fixture
def database(stack: StackInfo, template_database: str) -> Iterator[ScratchDatabase]:
    """A migrated database of the test's own."""
    with scratch_database(stack, template_database) as database:
        yield database


@pytest.fixture
def empty_database(stack: StackInfo) -> Iterator[ScratchDatabase]:
    """A database of the test's own without any table."""
    with scratch_database(stack) as database:
        yield database


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a figure that was measured, whether the test passes or not."""

    def print_uncaptured(words: str) -> None:
        with capsys.disabled():
            print(f"\n  {words}", end="", flush=True)

    return print_uncaptured
