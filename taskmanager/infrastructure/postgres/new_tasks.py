"""Writes new tasks without a look at what is there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from taskmanager.application.ports import UNKNOWN, StoreConflict, StoreUnavailable
from taskmanager.infrastructure.postgres.loop_session import LoopSession
from taskmanager.infrastructure.postgres.serialising import SerialisedChanges, array
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.statements import load_statements

log = structlog.get_logger(__name__)

# Callers wait meanwhile, and so does whatever comes behind them.
_SETTLE_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0, 1.0, 1.0, 1.0)


async def write_new_tasks(
    session: Session, quick: LoopSession, tasks: SerialisedChanges, stopping: Callable[[], bool]
) -> None:
    """Writes and commits, what is one script on `quick`; returns only when it is durable, whatever became of that.

    Raises a `StoreError`: nothing was written then, unless its kind is `UNKNOWN`.
    """
    script = tasks.as_one()
    used: Session | LoopSession = session if script is None else quick
    await used.open()
    try:
        async with _rolled_back_on_failure(used):
            await (session.run(tasks.write_at_once) if script is None else quick.execute(*script))
    except StoreUnavailable as error:
        if used.is_open:  # the server itself has said that it did not commit
            raise
        log.warning("commit_outcome_unknown_writing_again", error=str(error))
        await _settle(session, tasks, stopping)


@asynccontextmanager
async def _rolled_back_on_failure(used: Session | LoopSession) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        await used.rollback()
        raise


async def _settle(session: Session, tasks: SerialisedChanges, stopping: Callable[[], bool]) -> None:
    """Writes again what may have been written: of two transactions with the same ids only one can commit.

    The second one waits for the first, wherever that still runs, and is refused if the first has committed.
    """
    for pause in _SETTLE_PAUSES:
        try:
            async with _rolled_back_on_failure(session):
                await session.run(tasks.write_at_once)
            return
        except StoreConflict:
            if await _are_there(session, tasks):
                return
            raise  # somebody else's idempotency key
        except StoreUnavailable as error:
            log.warning("commit_outcome_unknown_writing_again", error=str(error))
        if stopping():
            break
        await asyncio.sleep(pause)
    raise StoreUnavailable("the fate of a transaction could not be learned", UNKNOWN)


async def _are_there(session: Session, tasks: SerialisedChanges) -> bool:
    ((found,),) = await session.execute(load_statements("ingest")["are_there"], {"ids": array(tasks.created_ids)})
    return bool(found)
