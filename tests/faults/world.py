"""One database, two topics, and the programs between them."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from os import environ
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from taskmanager.devstack import StackInfo
from taskmanager.devstack.topics import create_topics, delete_topics
from tests.scratch import ScratchDatabase, scratch_database

from .programs import Program
from .traffic import Lives, Outbound, Sender
from .waiting import until

_PARTITIONS = 6
_VERIFY_SECONDS = 120.0


class World:
    """A database and topics of one test's own; everything it starts is gone at the end."""

    def __init__(self, database: ScratchDatabase, topics: Mapping[str, str], directory: Path) -> None:
        self.database = database
        self.requests, self.status = topics["WEB_CRAWL_REQUEST_TOPIC"], topics["TASK_STATUS_TOPIC"]
        self.lives = Lives(self.requests, self.status)
        self.sender = Sender(database.info.kafka_brokers)
        self.environment = {**database.environment, **topics, "CONSUMER_PROCESSES": "1", "POD_ORDINAL": "0"}
        self._directory = directory
        self._programs: list[Program] = []

    def start(self, program: str, *arguments: str, **environment: str) -> Program:
        """Starts a program with these arguments, and these variables besides the world's own."""
        log = self._directory / f"{program}-{len(self._programs)}.log"
        started = Program([program, *arguments], {**self.environment, **environment}, log)
        self._programs.append(started)
        return started

    def send(self, messages: list[Outbound]) -> None:
        """Sends, and returns when all are stored."""
        for message in messages:
            self.sender.send(message)
        self.sender.flush()

    def read(self) -> int:
        """How many messages have had their effect; the topics begin at 0."""
        return int(self.database.value("select coalesce(sum(next_offset), 0) from consumer_offsets"))

    def await_read(self, count: int, seconds: float = 60.0) -> None:
        """Returns when that many messages have had their effect."""
        until(lambda: self.read() >= count, f"{count} messages read, not {self.read()}", seconds)

    def await_settled(self, seconds: float = 60.0) -> None:
        """Returns when every message that was sent is read and no report waits for a task that is there."""
        self.await_read(self.sender.stored, seconds)
        waiting = "select count(*) from parked_statuses p join web_crawl_tasks t on t.id = p.task_id"
        until(lambda: self.database.value(waiting) == 0, "parked reports applied", seconds)

    def run(self, *arguments: str) -> bytes:
        """What a one-shot command says, which must end well."""
        done = subprocess.run(
            [sys.executable, "-m", "taskmanager", *arguments],
            env={**environ, **self.environment},
            capture_output=True,
            timeout=_VERIFY_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        return done.stdout

    def verify(self) -> dict[str, Any]:
        """What `taskmanager verify` says, which must be that all is well and nothing is left to read."""
        document: dict[str, Any] = orjson.loads(self.run("verify", "--json"))
        assert (document["clean"], document["lag"], document["rebuilt"]) == (True, 0, document["tasks"])
        return document

    def verify_each_had_its_one_effect(self) -> None:
        """For lives: each message is one event of a task, because nothing in them is repeated or refused."""
        document = self.verify()
        sent = self.sender.stored
        assert (document["offsets"], document["events"]) == (sent, sent)
        unsettled = "select count(*) from web_crawl_tasks where status = 'new'"
        assert self.database.value(unsettled) == self.database.value("select count(*) from parked_statuses") == 0

    def close(self) -> None:
        """Ends what still runs."""
        for program in self._programs:
            if program.is_alive:
                program.kill()


@contextmanager
def a_world(info: StackInfo, template: str, directory: Path, partitions: int = _PARTITIONS) -> Iterator[World]:
    """A world on this stack; `template` is a migrated database to copy."""
    tag = uuid4().hex[:8]
    topics = {"WEB_CRAWL_REQUEST_TOPIC": f"requests-{tag}", "TASK_STATUS_TOPIC": f"status-{tag}"}
    with ExitStack() as stack:
        database = stack.enter_context(scratch_database(info, template))
        create_topics(info.kafka_brokers, dict.fromkeys(topics.values(), partitions))
        stack.callback(delete_topics, info.kafka_brokers, list(topics.values()))
        world = World(database, topics, directory)
        stack.callback(world.close)
        yield world
