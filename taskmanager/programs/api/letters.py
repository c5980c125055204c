"""The part of the REST program that operators use for dead letters."""

from taskmanager.api.rest.dead_letters import DeadLetterController, LetterUseCases
from taskmanager.application.use_cases.dead_letters.count_letters import CountLetters
from taskmanager.application.use_cases.dead_letters.discard_letters import DiscardLetters
from taskmanager.application.use_cases.dead_letters.list_letters import ListLetters
from taskmanager.application.use_cases.dead_letters.replay_letters import ReplayLetters
from taskmanager.application.use_cases.dead_letters.replay_page import ReplayPage
from taskmanager.application.use_cases.dead_letters.show_letter import ShowLetter
from taskmanager.infrastructure.postgres.dead_letters import PostgresDeadLetterReader
from taskmanager.infrastructure.postgres.letter_store import PostgresLetterStore
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.tasks import PostgresTaskReader
from taskmanager.infrastructure.resilience.protected_writes import ProtectedLetterStore
from taskmanager.programs.clock import SystemClock
from taskmanager.programs.decoding import letter_decoder
from taskmanager.programs.factory import ApplicationFactory


class Letters:
    """The controller, on a connection of its own that is opened when the first letter is settled."""

    def __init__(self, factory: ApplicationFactory, pool: Reads) -> None:
        self._session = factory.session(f"{factory.slot} letters")
        store = ProtectedLetterStore(
            PostgresLetterStore(self._session, f"{factory.writer}-letters"), factory.breakers.database
        )
        reader, clock = PostgresDeadLetterReader(pool), SystemClock()
        replay = ReplayLetters(reader, store, letter_decoder(factory.settings), clock)
        self.controller = DeadLetterController(
            LetterUseCases(
                ListLetters(reader),
                CountLetters(reader),
                ShowLetter(reader, PostgresTaskReader(pool)),
                replay,
                ReplayPage(reader, replay),
                DiscardLetters(reader, store, clock),
            )
        )

    async def stop(self) -> None:
        """Closes the connection; to be called when no request is left."""
        await self._session.close()
