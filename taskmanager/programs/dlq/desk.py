"""Composes the use cases of dead letters for a command that runs once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from taskmanager.application.dead_letter_ports import DeadLetterReader
from taskmanager.application.use_cases.dead_letters.count_letters import CountLetters
from taskmanager.application.use_cases.dead_letters.discard_letters import DiscardLetters
from taskmanager.application.use_cases.dead_letters.list_letters import ListLetters
from taskmanager.application.use_cases.dead_letters.replay_letters import ReplayLetters
from taskmanager.application.use_cases.dead_letters.show_letter import ShowLetter
from taskmanager.infrastructure.postgres.dead_letters import PostgresDeadLetterReader
from taskmanager.infrastructure.postgres.letter_store import PostgresLetterStore
from taskmanager.infrastructure.postgres.tasks import PostgresTaskReader
from taskmanager.programs.clock import SystemClock
from taskmanager.programs.decoding import letter_decoder
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.one_shot import run_one_shot


class LetterDesk(NamedTuple):
    """What an operator can do."""

    reader: DeadLetterReader
    list_letters: ListLetters
    count_letters: CountLetters
    show_letter: ShowLetter
    replay_letters: ReplayLetters
    discard_letters: DiscardLetters


def at_desk(work: Callable[[LetterDesk], Awaitable[int]]) -> int:
    """Does one piece of work on the database of the environment; answers its exit code, or that of its failure."""

    async def working(factory: ApplicationFactory) -> int:
        async with _opened(factory) as desk:
            return await work(desk)

    return run_one_shot("dlq", working)


@asynccontextmanager
async def _opened(factory: ApplicationFactory) -> AsyncIterator[LetterDesk]:
    pool, session = factory.read_pool(size=1), factory.session()
    reader, store, clock = PostgresDeadLetterReader(pool), PostgresLetterStore(session, "dlq"), SystemClock()
    try:
        yield LetterDesk(
            reader,
            ListLetters(reader),
            CountLetters(reader),
            ShowLetter(reader, PostgresTaskReader(pool)),
            ReplayLetters(reader, store, letter_decoder(factory.settings), clock),
            DiscardLetters(reader, store, clock),
        )
    finally:
        await session.close()
        await pool.close()
