"""A stack of its own for these tests, which kill and break it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from taskmanager.devstack import StackInfo, reset, status
from taskmanager.devstack.processes import inside


class Observer:
    """Looks at the stack from outside."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def pids(self) -> dict[str, int | None]:
        """The process id of each server."""
        return {server.name: server.pid for server in status(self._root)}

    def processes(self) -> list[psutil.Process]:
        """Every process of the stack."""
        names = {"postgres", "initdb", "java"}
        return [process for server in status(self._root) for process in inside(Path(server.home), names)]

    def home(self, name: str) -> Path:
        """The directory of one server."""
        return next(Path(server.home) for server in status(self._root) if server.name == name)

    def query(self, dsn: str, statement: str) -> list[tuple[object, ...]]:
        """Run one statement and commit; its rows, if it has any."""
        with closing(psycopg2.connect(dsn, connect_timeout=5)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def leave_trace(self, info: StackInfo) -> None:
        """Commit one row that must survive whatever happens next."""
        self.query(info.dsn("owner"), "create table if not exists trace (n int)")
        self.query(info.dsn("owner"), "insert into trace values (1)")

    def traces(self, info: StackInfo) -> int:
        """How many rows were left, all tests together."""
        return len(self.query(info.dsn("owner"), "select n from trace"))


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A local directory that every account can reach, as a checkout usually is; pytest's own are private."""
    directory = Path(tempfile.mkdtemp(prefix="stack-"))
    directory.chmod(0o755)
    yield directory
    reset(directory)
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def observer(root: Path) -> Observer:
    """The one who looks at this stack."""
    return Observer(root)
