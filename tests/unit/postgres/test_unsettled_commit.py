"""Asking what became of a COMMIT ends when the process is told to stop."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from taskmanager.application.ports import UNKNOWN, StoreUnavailable
from taskmanager.infrastructure.postgres import task_store
from taskmanager.infrastructure.postgres.intent_store import PostgresIntentStore
from taskmanager.infrastructure.postgres.loop_session import LoopSession
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.task_store import PostgresTaskStore
from tests.builders import at, task_id
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
        with pytest.raises(StoreUnavailable, match="fate") as failed:
            await transaction._settled(lambda script: script.execute("commit"), committed=[])
    assert server.asked == 1
    assert failed.value.kind == UNKNOWN


async def test_callers_do_not_wait_without_end_for_a_commit_that_the_server_is_still_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_store, "_SETTLE_PAUSES", (0.0,))
    server = StuckServer()
    store = PostgresIntentStore(cast("Session", server), LoopSession({}, timeout=1), "slot")

    async with store.transaction() as transaction:
        await transaction.look([task_id(1)], [], at(0))
        with pytest.raises(StoreUnavailable, match="fate") as failed:
            await transaction._settled(lambda script: script.execute("commit"), committed=[])
    assert server.asked == 8
    assert failed.value.kind == UNKNOWN
