"""A database with messages of every outcome, copied for each test."""

from collections.abc import Iterator

import pytest

from taskmanager.devstack import StackInfo
from tests.scratch import ScratchDatabase, scratch_database

from .writing import fill_now


@pytest.fixture(scope="session")
def filled_template(stack: StackInfo, template_database: str) -> Iterator[str]:
    """The name of a filled database that nobody is connected to."""
    with scratch_database(stack, template_database) as database:
        fill_now(database)
        yield database.name


@pytest.fixture
def filled(stack: StackInfo, filled_template: str) -> Iterator[ScratchDatabase]:
    """A filled database of the test's own."""
    with scratch_database(stack, filled_template) as database:
        yield database
