"""New tasks in one round trip: begin, keys, tasks, events, counts and COMMIT as one script."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from taskmanager.application.changes import Changes
from taskmanager.application.commands import CreateTask
from taskmanager.application.ports import UNKNOWN, StoreConflict, StoreUnavailable
from taskmanager.domain.events import TaskCreated
from taskmanager.infrastructure.postgres.copying import created_data
from taskmanager.infrastructure.postgres.rows import dumps
from taskmanager.infrastructure.postgres.serialising import array, count_rows
from taskmanager.infrastructure.postgres.session import Script, Session
from taskmanager.infrastructure.postgres.statements import load_statements

log = structlog.get_logger(__name__)

# From some hundred rows on COPY's cheaper rows outweigh its round trips.
NEW_TASKS_MAX = 250
# Callers wait meanwhile, and so does whatever comes behind them.
_SETTLE_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0, 1.0, 1.0, 1.0)


class NewTasks:
    """What a transaction that only creates writes, ready to be sent.

    `before` is a statement that goes first, with its parameters; `slot` names the writer among all that count.
    """

    def __init__(
        self,
        changes: Changes,
        slot: str,
        statements: Mapping[str, str],
        before: tuple[str, Mapping[str, object]] | None = None,
    ) -> None:
        self.ids = sorted(changes.created)
        first, parameters = ([before[0]], before[1]) if before else ([], {})
        insert = load_statements("new_tasks")["insert_new_tasks"]
        self._steps = "; ".join([*first, insert, statements["add_counts"], "commit"])
        self._parameters = {
            **parameters,
            "made": dumps([_row(*changes.created[task_id]) for task_id in self.ids]),
            "counts": dumps(count_rows(changes)),
            "slot": slot,
            "now": changes.now,
        }

    def write(self, script: Script) -> None:
        """Sends it all in a transaction that has begun, and commits."""
        script.execute(self._steps, self._parameters)

    def write_at_once(self, script: Script) -> None:
        """Sends it all as a transaction of its own."""
        script.execute(f"begin; {self._steps}", self._parameters)


async def write_new_tasks(session: Session, tasks: NewTasks, stopping: Callable[[], bool]) -> None:
    """Writes and commits; returns only when it is durable, whatever became of the connection.

    Raises a `StoreError`: nothing was written then, unless its kind is `UNKNOWN`.
    """
    is_sent = False

    def write(script: Script) -> None:
        nonlocal is_sent
        is_sent = True
        tasks.write_at_once(script)

    try:
        await session.run(write)
    except StoreUnavailable as error:
        # While the connection is open the server itself has said that it did not commit.
        if session.is_open or not is_sent:
            raise
        log.warning("commit_outcome_unknown_writing_again", error=str(error))
        await _settle(session, tasks, stopping)


async def _settle(session: Session, tasks: NewTasks, stopping: Callable[[], bool]) -> None:
    """Writes again what may have been written: of two transactions with the same ids only one can commit.

    The second one waits for the first, wherever that still runs, and is refused if the first has committed.
    """
    for pause in _SETTLE_PAUSES:
        try:
            await session.run(tasks.write_at_once)
            return
        except StoreConflict:
            await session.rollback()
            if await _are_there(session, tasks):
                return
            raise  # somebody else's idempotency key
        except StoreUnavailable:
            await session.rollback()
        if stopping():
            break
        await asyncio.sleep(pause)
    raise StoreUnavailable("the fate of a transaction could not be learned", UNKNOWN)


async def _are_there(session: Session, tasks: NewTasks) -> bool:
    ((found,),) = await session.execute(load_statements("new_tasks")["are_there"], {"ids": array(tasks.ids)})
    return bool(found)


def _row(created: TaskCreated, command: CreateTask) -> dict[str, Any]:
    return {
        "id": created.task_id,
        "user_email": created.user_email,
        "user_query": created.user_query,
        "original_url": created.original_url,
        "metadata": created.metadata or None,
        "correlation_id": command.correlation_id,
        "occurred_at": created.occurred_at,
        "data": created_data(created),
        "actor": command.actor,
        "traceparent": command.traceparent,
        "tracestate": command.tracestate,
    }
