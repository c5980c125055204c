"""Tasks and their events on a real database, in transactions that a test ends as it likes."""

import random
from collections.abc import Mapping
from uuid import uuid4

from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its class in lower case

from taskmanager.application.feed.model import STATUS_AFTER

_TASK = """
insert into web_crawl_tasks (id, user_email, user_query, original_url, status, version, attempt, received_at,
    created_at, updated_at)
values (%(task_id)s, %(user)s, 'prices', 'https://example.com/', 'new', 1, 1, now(), now(), now())
"""
_STATUS = """
update web_crawl_tasks
set version = version + 1, status = coalesce(%(status)s::task_status, status),
    deleted_at = case when %(status)s is null then now() end
where id = %(task_id)s
returning version
"""
_EVENT = """
insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at, data, actor, source_topic,
    source_partition, source_offset, correlation_id, traceparent)
values (%(task_id)s, %(version)s, %(type)s, 1, now(), now(), %(data)s, 'key:test', 'task-status', 3, 41, 'c-1',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
returning seq
"""


class Writer:
    """One connection, in one transaction after the other."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.committed: list[int] = []
        self._drawn: list[int] = []

    def create(self, user: str, data: str | None = None) -> str:
        """A new task with its first event; its id."""
        task_id = str(uuid4())
        self._run(_TASK, {"task_id": task_id, "user": user})
        self._append(task_id, 1, "TaskCreated", data)
        return task_id

    def change(self, task_id: str, kind: str, data: str | None = None) -> int:
        """One more event of a task; its number."""
        ((version,),) = self._run(_STATUS, {"task_id": task_id, "status": STATUS_AFTER.get(kind)})
        return self._append(task_id, version, kind, data)

    def commit(self) -> None:
        """Makes it all visible."""
        self._connection.commit()
        self.committed += self._drawn
        self._drawn = []

    def roll_back(self) -> None:
        """Undoes it."""
        self._connection.rollback()
        self._drawn = []

    def many(self, transactions: int, users: tuple[str, ...], choose: random.Random) -> None:
        """So many transactions of some events each, a fifth of which are undone."""
        for _ in range(transactions):
            for _ in range(choose.randint(1, 4)):
                task_id = self.create(choose.choice(users))
                if choose.random() < 0.5:
                    self.change(task_id, "TaskStarted")
            choose.choice([self.commit] * 4 + [self.roll_back])()

    def _append(self, task_id: str, version: int, kind: str, data: str | None) -> int:
        ((seq,),) = self._run(_EVENT, {"task_id": task_id, "version": version, "type": kind, "data": data})
        self._drawn.append(seq)
        return int(seq)

    def _run(self, statement: str, parameters: Mapping[str, object]) -> list[tuple[int, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
