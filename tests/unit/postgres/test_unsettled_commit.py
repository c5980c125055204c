"""Asking what became of a COMMIT ends when the process is told to stop."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from taskmanager.application.ports import StoreUnavailable
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.task_store import PostgresTaskStore
from tests.fakes.batches import batch_of, numbered
from tests.fakes.messages import request


class StuckServer:
    """A session whose server took the COMMIT, lost the connection, and is still at it whenever it is asked."""

    is_open = False

    def __init__(self) -> None:
        self.asked = 0

    async def run(self, work: Any) -> Any:
        """Gets as far as the COMMIT and no answer."""

        class Script:
            def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Any]:
                if "pg_current_xact_id" in sql:
                    return [("77", True, None, None)]
                raise StoreUnavailable("connection lost")

        return work(Script())

    async def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Any]:
        """The fate of the transaction."""
        self.asked += 1
        return [("in progress",)]

    async def rollback(self) -> None:
        """Nothing to end."""


async def test_a_stop_ends_the_wait_for_a_commit_that_the_server_is_still_at() -> None:
    server = StuckServer()
    store = PostgresTaskStore(cast("Session", server), "slot", stopping=lambda: server.asked > 0)
    claims = batch_of(numbered([request()])).claims()

    async with store.transaction() as transaction:
        await transaction.load(claims, [], [])
        with pytest.raises(StoreUnavailable, match="fate"):
            await transaction._settled(lambda script: script.execute("commit"), committed=[])
    assert server.asked == 1
