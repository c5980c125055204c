"""Two users, each with a token that is bound to them and with tasks in every state."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from aiohttp import ClientSession

from taskmanager.application.principal import Role
from taskmanager.application.use_cases.keys.create_key import CreateKey
from taskmanager.domain.values import UserEmail
from taskmanager.infrastructure.postgres.api_keys import PostgresKeyStore
from taskmanager.programs.clock import SystemClock
from tests.scratch import ScratchDatabase
from tests.sse import EventStreamReader

Json = dict[str, Any]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_REPORTS: dict[str, list[Json]] = {
    "new": [],
    "running": [{"status": "in_progress", "worker": "w-1"}],
    "done": [{"status": "in_progress"}, {"status": "completed", "result": "ready"}],
    "failed": [{"status": "error", "error": "gone"}],
    "kept": [],
}
# Rows that tell of a user's tasks, whatever their shape.
_TRACES = """
    select t::text from web_crawl_tasks t where user_email = %(email)s
    union all select e::text from task_events e join web_crawl_tasks t on t.id = e.task_id where user_email = %(email)s
    union all select r::text from refused_reports r join web_crawl_tasks t on t.id = r.task_id
        where user_email = %(email)s
    union all select o::text from bulk_operations o where owner = %(email)s and state = 'cancelled'
    order by 1
"""


class Owner:
    """A user; `tasks` are ids by what they are like, `marks` what nobody else may ever be shown.

    `operation` is the id of an operation that was cancelled.
    """

    def __init__(self, name: str, key: str, client: ClientSession) -> None:
        self.email = f"{name}@{name}.example"
        self.word = f"{name}word"
        self.tasks: dict[str, str] = {}
        self.operation = ""
        self._headers = {"Authorization": f"Bearer {key}"}
        self._client = client

    @property
    def marks(self) -> list[str]:
        return [self.email, self.word, self.operation, *self.tasks.values()]

    def task(self, **changed: object) -> Json:
        """The body of a new task of this user."""
        return {
            "userEmail": self.email, "userQuery": f"about {self.word}", "originalUrl": f"https://{self.word}.example/",
            "metadata": {"team": self.word}, "correlationId": self.word,
        } | changed  # fmt: skip

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """The status and text of the answer."""
        given = {**self._headers, **(headers or {})}
        async with self._client.request(method, path, json=body, headers=given) as response:
            return response.status, await response.text()

    @asynccontextmanager
    async def listening(self, path: str) -> AsyncIterator[EventStreamReader]:
        """The live stream at this path."""
        headers = {**self._headers, "Accept": "text/event-stream"}
        async with self._client.get(path, headers=headers) as response:
            assert response.status == 200
            yield EventStreamReader(response)

    async def settle_in(self) -> None:
        """Makes the tasks, as any client would."""
        for name, reports in _REPORTS.items():
            status, text = await self.ask("POST", "/api/tasks", self.task())
            assert status == 201, text
            self.tasks[name] = json.loads(text)["id"]
            for report in reports:
                status, text = await self.ask("PUT", f"/api/tasks/{self.tasks[name]}/status", report)
                assert status == 200, text
        cancelled = False
        while not cancelled:  # an operation may be over before it is cancelled
            order = {"action": "delete", "filter": {"status": ["new"]}}
            self.operation = json.loads((await self.ask("POST", "/api/tasks/bulk", order))[1])["id"]
            cancelled = (await self.ask("POST", f"/api/operations/{self.operation}/cancel"))[0] == 200

    def belongings(self, database: ScratchDatabase) -> list[tuple[Any, ...]]:
        """Everything that the database tells of the user's tasks."""
        return database.run(_TRACES, {"email": self.email})


async def new_owner(name: str, store: PostgresKeyStore, client: ClientSession) -> Owner:
    """A user with a key that may do everything a bound one can."""
    email = UserEmail(f"{name}@{name}.example")
    key, _ = await CreateKey(store, SystemClock())(
        Role.ADMIN, name=name, user_email=email, expires_at=None, actor="test"
    )
    owner = Owner(name, key, client)
    await owner.settle_in()
    return owner


def strangers(owner: Owner) -> dict[str, str]:
    """What to say instead of the owner's marks to speak of somebody, and of tasks, that do not exist."""
    return {mark: str(uuid4()) for mark in (owner.operation, *owner.tasks.values())} | {
        owner.email: "nobody@nobody.example",
        owner.word: "nobodyword",
    }


def told(text: str, replaced: Mapping[str, str]) -> str:
    """An answer without what is different each time and without what was replaced."""
    for mark, other in replaced.items():
        text = text.replace(mark, "…").replace(other, "…")
    return _TIME.sub("(time)", _UUID.sub("(id)", text))
