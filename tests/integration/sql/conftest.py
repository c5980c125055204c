"""The SQL is tried on the newest server that is supported, and on the oldest."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

import pytest

from taskmanager.devstack import StackInfo
from taskmanager.devstack.accounts import run_as, unprivileged_account
from taskmanager.devstack.databases import provision
from taskmanager.devstack.ports import LOOPBACK, choose
from tests.scratch import ScratchDatabase, migrated_template, scratch_database

_DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
_CONFIGURATION = """
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
fsync = off
"""


@pytest.fixture(scope="session", params=["postgresql-18", "postgresql-15"])
def server(request: pytest.FixtureRequest) -> Iterator[StackInfo]:
    """A PostgreSQL server with the roles of the service."""
    if request.param == "postgresql-18":
        yield request.getfixturevalue("stack")
    elif not (_DEBIAN_15 / "postgres").exists():
        pytest.skip(f"PostgreSQL 15 is not installed ({_DEBIAN_15}); apt-get install postgresql-15 on Debian 12")
    else:
        with _debian_server() as info:
            yield info


@pytest.fixture(scope="session")
def server_template(server: StackInfo) -> Iterator[str]:
    """A migrated database on this server to copy."""
    with migrated_template(server) as name:
        yield name


@pytest.fixture
def migrated(server: StackInfo, server_template: str) -> Iterator[ScratchDatabase]:
    """A migrated database on this server."""
    with scratch_database(server, server_template) as database:
        yield database


@pytest.fixture(scope="session")
def unchanged(server: StackInfo, server_template: str) -> Iterator[ScratchDatabase]:
    """A migrated database that tests share, because they commit nothing that others would notice."""
    with scratch_database(server, server_template) as database:
        yield database


@pytest.fixture
def empty(server: StackInfo) -> Iterator[ScratchDatabase]:
    """A database without tables on this server."""
    with scratch_database(server) as database:
        yield database


@contextmanager
def _debian_server() -> Iterator[StackInfo]:
    account = unprivileged_account()
    home = Path(tempfile.mkdtemp(prefix="postgresql-15-"))
    home.chmod(0o777)
    data = home / "data"
    info = StackInfo(
        postgres_host=LOOPBACK,
        postgres_port=choose(set()),
        postgres_db="taskmanager",
        superuser="postgres",
        superuser_password=token_hex(8),
        owner_user="taskmanager_owner",
        owner_password=token_hex(8),
        app_user="taskmanager_app",
        app_password=token_hex(8),
        kafka_brokers="",
    )
    password = home / "password"
    password.write_text(info.superuser_password)

    def run(program: str, *arguments: str) -> None:
        done = run_as(account, [str(_DEBIAN_15 / program), "-D", str(data), *arguments], cwd=home)
        assert done.returncode == 0, done.stdout

    try:
        run("initdb", "--username", "postgres", "--pwfile", str(password), "--auth", "scram-sha-256", "--no-sync",
            "--encoding", "UTF8", "--locale", "C.UTF-8")  # fmt: skip
        with (data / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION.format(address=LOOPBACK, port=info.postgres_port))
        run("pg_ctl", "start", "--wait", "--log", str(home / "log"))
        try:
            provision(info)
            yield info
        finally:
            run("pg_ctl", "stop", "--mode", "immediate")
    finally:
        rmtree(home)
