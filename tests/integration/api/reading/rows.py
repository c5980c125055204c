"""Tasks put straight into the table, as many-sided as filters can tell them apart."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg2.extras import execute_values

from taskmanager.application.task_lists import TaskFilter
from taskmanager.domain.status import SETTLED, TaskStatus
from tests.builders import at
from tests.scratch import ScratchDatabase

USERS = ("ann@example.com", "bob@example.com", "cyd@example.com")
HOSTS = ("example.com", "shop.example.com:8080", "[2001:db8::1]")
QUERIES = ("Opening HOURS", "prices", "100% of_it", "back\\slash")
_TAILS = ("/contact", "?page=1", "#top", "/hours")
_INSERT = """
insert into web_crawl_tasks (id, user_email, user_query, original_url, metadata, status, version, attempt, received_at,
    created_at, updated_at, finished_at, result, error, deleted_at)
values %s
"""


class StoredTask(NamedTuple):
    """A row; `seconds` after noon it was created, `took` seconds later it was finished if it is settled."""

    id: str
    user_email: str
    user_query: str
    original_url: str
    metadata: dict[str, str] | None
    status: TaskStatus
    seconds: int
    took: float = 0.0
    text: str = "done"
    is_deleted: bool = False

    @property
    def host(self) -> str:
        """What a filter by host compares with."""
        return self.original_url.split("/")[2].split("?")[0].split("#")[0]

    def matches(self, wanted: TaskFilter) -> bool:
        """What the filter means, said once more and as plainly as can be."""
        text = (wanted.text or "").lower()
        created_at = at(self.seconds)
        return (
            not self.is_deleted
            and wanted.owner in (None, self.user_email)
            and wanted.user_email in (None, self.user_email)
            and wanted.host in (None, self.host)
            and (not wanted.statuses or self.status in wanted.statuses)
            and (text in self.user_query.lower() or text in self.original_url.lower())
            and wanted.metadata.items() <= (self.metadata or {}).items()
            and (wanted.created_after is None or wanted.created_after <= created_at)
            and (wanted.created_before is None or created_at < wanted.created_before)
        )


def stored_tasks(number: int, seed: int) -> list[StoredTask]:
    """Tasks of which many share their time of creation."""
    draw = random.Random(seed)
    return [
        StoredTask(
            str(UUID(int=draw.getrandbits(128))),
            draw.choice(USERS),
            draw.choice(QUERIES),
            f"https://{draw.choice(HOSTS)}{draw.choice(_TAILS)}",
            draw.choice([None, {"team": "a"}, {"team": "a", "run": "7"}, {"team": "b"}]),
            draw.choice(list(TaskStatus)),
            draw.randrange(8),
            took=draw.randrange(100),
            is_deleted=draw.random() < 0.1,
        )
        for _ in range(number)
    ]


def store(database: ScratchDatabase, tasks: Sequence[StoredTask]) -> None:
    """Puts them into the table."""
    with database.connected() as connection, connection.cursor() as cursor:
        execute_values(cursor, _INSERT, [_row(task) for task in tasks], page_size=1000)


def _row(task: StoredTask) -> tuple[Any, ...]:
    created_at = at(task.seconds)
    is_settled = task.status in SETTLED
    return (
        task.id, task.user_email, task.user_query, task.original_url,
        None if task.metadata is None else orjson.dumps(task.metadata).decode(), task.status.value, 1, 1,
        created_at, created_at, created_at, created_at + timedelta(seconds=task.took) if is_settled else None,
        task.text if task.status is TaskStatus.COMPLETED else None,
        task.text if task.status is TaskStatus.ERROR else None, created_at if task.is_deleted else None,
    )  # fmt: skip
