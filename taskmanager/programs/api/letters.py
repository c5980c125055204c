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
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.tasks import PostgresTaskReader
from taskmanager.programs.api.writing import SystemClock
from taskmanager.programs.decoding import letter_decoder
from taskmanager.programs.factory import ApplicationFactory

# Above the server's own limits, so that it is the server that ends a slow statement wherever it still can.
_SESSION_MARGIN_SECONDS = 5.0


class Letters:
    """The controller, on a connection of its own that is opened when the first letter is settled."""

    def __init__(self, factory: ApplicationFactory, pool: Reads) -> None:
        app, database = factory.settings.app, factory.settings.database
        self._session = Session(
            database.dsn_kwargs(f"{app.name} {factory.slot} letters"),
            timeout=database.query_timeout + database.connection_timeout + _SESSION_MARGIN_SECONDS,
        )
        # Unique among all writers of all containers.
        store = PostgresLetterStore(self._session, f"{app.pod_ordinal}-{factory.slot}-letters")
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
