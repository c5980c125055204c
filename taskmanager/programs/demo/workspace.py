"""A database and topics to play on."""

import fcntl
import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg2.errors
from confluent_kafka.admin import AdminClient

from taskmanager.devstack import StackInfo
from taskmanager.devstack.databases import create_database, drop_database
from taskmanager.devstack.topics import delete_topics, ensure_topics
from taskmanager.programs.demo.errors import DemoError
from taskmanager.programs.demo.messages import Role

STANDING = "taskmanager"
TOPIC_NAMES = {Role.REQUESTS: "requests-web-crawl", Role.STATUS: "task-status"}
PARTITIONS = 12
_SYSTEM_TOPIC = "task-manager-system"
_DEAD_LETTERS = ".dlq"
_KEPT_LOGS = 10


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where one run plays: a database, and the names of the topics with their partitions."""

    database: str
    topics: dict[Role, str]
    system_topic: str
    passing: bool  # dropped at the end

    @classmethod
    def standing(cls, name: str = STANDING) -> "Workspace":
        """The one that stays between runs; the usual one has the topics that a gateway and workers expect."""
        return cls._named(name, "" if name == STANDING else f"{name}-", passing=False)

    @classmethod
    def fresh(cls) -> "Workspace":
        """One of its own for a single run."""
        name = f"once-{secrets.token_hex(4)}"
        return cls._named(name.replace("-", "_"), f"{name}-", passing=True)

    @classmethod
    def _named(cls, database: str, prefix: str, *, passing: bool) -> "Workspace":
        topics = {role: prefix + topic for role, topic in TOPIC_NAMES.items()}
        return cls(database, topics, prefix + _SYSTEM_TOPIC, passing)

    @property
    def topic_roles(self) -> dict[str, Role]:
        """What a line of a file may call a topic: its role, its usual name, or its name in this workspace."""
        return {role.value: role for role in Role} | {
            name: role for names in (TOPIC_NAMES, self.topics) for role, name in names.items()
        }

    def environment(self) -> dict[str, str]:
        """What the appliance must know of it."""
        return {
            "POSTGRES_DB": self.database,
            "WEB_CRAWL_REQUEST_TOPIC": self.topics[Role.REQUESTS],
            "TASK_STATUS_TOPIC": self.topics[Role.STATUS],
            "TASK_EVENTS_TOPIC": self.topics[Role.STATUS],
            "SYSTEM_EVENTS_TOPIC": self.system_topic,
            "DLQ_SUFFIX": _DEAD_LETTERS,
            "KAFKA_GROUP_ID": f"{self.database}-group",
        }

    def prepare(self, info: StackInfo, migrate: Callable[[], None]) -> dict[str, int]:
        """Makes what is missing, brings the schema up to date, and returns how many partitions each topic has."""
        with ThreadPoolExecutor(1) as aside:
            topics = aside.submit(self._ensure_topics, info.kafka_brokers)
            with suppress(psycopg2.errors.DuplicateDatabase):  # the standing one, from an earlier run
                create_database(info, self.database)
            migrate()
            return topics.result()

    def drop(self, info: StackInfo) -> None:
        """Removes database and topics."""
        with ThreadPoolExecutor(1) as aside:
            topics = aside.submit(delete_topics, info.kafka_brokers, list(self._all_topics()))
            drop_database(info, self.database)
            topics.result()

    def _all_topics(self) -> dict[str, int]:
        """The partitions of every topic that the service reads or writes."""
        sources = dict.fromkeys(self.topics.values(), PARTITIONS)
        return sources | {topic + _DEAD_LETTERS: PARTITIONS for topic in sources} | {self.system_topic: 1}

    def _ensure_topics(self, brokers: str) -> dict[str, int]:
        ensure_topics(brokers, self._all_topics())
        known = AdminClient({"bootstrap.servers": brokers, "log_level": 0}).list_topics(timeout=15).topics
        return {name: len(known[name].partitions) for name in self.topics.values()}


def forget_old_logs(directory: Path) -> None:
    """Removes what passing workspaces left below `directory`, but for the newest few."""
    left = sorted(directory.glob("once_*"), key=lambda path: path.stat().st_mtime)
    for old in left[:-_KEPT_LOGS]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def sole_user(directory: Path, workspace: Workspace) -> Iterator[None]:
    """Keeps a second demo off the same workspace, whose consumers would fight this one's; raises `DemoError`."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "demo.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"another bin/run works on the database {workspace.database!r}; stop it first, "
                "use --once (which has a database of its own), or name another one with --workspace"
            ) from None
        yield
