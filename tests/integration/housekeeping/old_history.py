"""A database with small partitions, whose history is years old."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg2.extensions import parse_dsn

from taskmanager.application.use_cases.housekeeping.retention import Retention
from taskmanager.infrastructure.archive_directory import ArchiveDirectory
from taskmanager.infrastructure.postgres.retention import PostgresOldHistory
from tests.builders import task_id
from tests.fakes.messages import body, report, request
from tests.integration.housekeeping.home import Home

# Well before any day on which this may run: the database compares with its own clock, too.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 30
SIZE = 1000


class OldHistory:
    """Writes history around the bounds of partitions, and keeps house."""

    def __init__(self, home: Home, directory: Path) -> None:
        self.home = home
        self.directory = directory
        home.clock.time = LONG_AGO
        for (name,) in home.database.run("select name from event_partition_bounds()"):
            home.database.run(f"drop table {name}")
        home.database.run(f"select ensure_event_partitions(5, {SIZE})")
        self.history = PostgresOldHistory(parse_dsn(home.database.dsn("app")))

    def retention(self, days: int = DAYS, archive: ArchiveDirectory | None = None) -> Retention:
        """The rule, with connections of its own."""
        history = PostgresOldHistory(parse_dsn(self.home.database.dsn("app")))
        return Retention(history, archive or ArchiveDirectory(self.directory), self.home.clock, days=days)

    def next_number(self, number: int) -> None:
        """Lets the log go on with this number."""
        self.home.database.run("select setval('task_events_seq', %s, false)", (number,))

    def read_up_to(self, position: int) -> None:
        """What the relay says that it has read."""
        self.home.database.run(
            "insert into event_readers (name, position) values ('relay', %s)"
            " on conflict (name) do update set position = excluded.position",
            (position,),
        )

    def pass_days(self, days: int) -> None:
        """Time goes by."""
        self.home.clock.pass_seconds(days * 86_400)

    async def write(self) -> None:
        """Tasks 1 to 5 settle below number 1000, task 6 goes on behind it, task 7 is made there and settles there."""
        home = self.home
        await home.receive(*(request(body(metadata={"n": str(n)}), id=task_id(n)) for n in range(1, 7)))
        await home.receive(
            report("started", {"worker": "w"}, id=task_id(1)),
            report("completed", {"result": "é\n"}, id=task_id(1)),
            report("completed", {"result": "other"}, id=task_id(1)),  # refused
            report("failed", {"error": "e"}, id=task_id(2)),
            report("failed", {"error": "f"}, id=task_id(2)),  # refused
            report("cancelled", id=task_id(3)),
            report("completed", id=task_id(4)),
            report("completed", id=task_id(5)),
            report("started", id=task_id(6)),
        )
        self.next_number(SIZE)
        await home.receive(
            request(id=task_id(7)),
            report("completed", id=task_id(7)),
            report("completed", id=task_id(6)),
            report("failed", {"error": "late"}, id=task_id(6)),  # refused
        )
        self.next_number(2 * SIZE)
        await home.receive(request(id=task_id(8)))
        self.read_up_to(2 * SIZE)

    def archived(self, name: str) -> list[dict[str, Any]]:
        """The tasks of an archive."""
        with gzip.open(self.directory / name) as file:
            return [json.loads(line) for line in file]

    def task_numbers(self) -> list[int]:
        """The tasks that are left."""
        numbers = {task_id(n): n for n in range(1, 10)}
        return [numbers[task] for (task,) in self.home.database.run("select id::text from web_crawl_tasks order by id")]

    def bounds(self) -> list[tuple[str, int, int]]:
        """The first partitions of the log."""
        return self.home.database.run("select name, low, high from event_partition_bounds() limit 2")


FIRST = "events-000000000000000-000000000001000.jsonl.gz"
SECOND = "events-000000000000000-000000000002000.jsonl.gz"
