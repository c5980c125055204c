"""The part of the REST program that changes many tasks at once."""

from taskmanager.api.rest.bulk import BulkController
from taskmanager.application.use_cases.bulk.advance_operation import AdvanceOperation, Observer
from taskmanager.application.use_cases.bulk.follow_operations import FollowOperations
from taskmanager.application.use_cases.bulk.preview_operation import PreviewOperation
from taskmanager.application.use_cases.bulk.runner import OperationRunner
from taskmanager.application.use_cases.bulk.start_operation import StartOperation
from taskmanager.infrastructure.postgres.bulk_operations import PostgresOperations
from taskmanager.infrastructure.postgres.bulk_selection import PostgresSelectedTasks
from taskmanager.infrastructure.postgres.bulk_store import PostgresChunkStore
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.resilience.protected_writes import ProtectedChunkStore
from taskmanager.programs.clock import SystemClock
from taskmanager.programs.factory import ApplicationFactory


class BulkOperations:
    """The controller, and who advances operations, on a connection of its own."""

    def __init__(self, factory: ApplicationFactory, pool: Reads, observer: Observer) -> None:
        self._session = factory.session(f"{factory.slot} bulk")
        clock, operations = SystemClock(), PostgresOperations(pool)
        store = ProtectedChunkStore(
            PostgresChunkStore(self._session, f"{factory.writer}-bulk"), factory.breakers.database
        )
        self._runner = OperationRunner(AdvanceOperation(store, clock, observer))
        self.controller = BulkController(
            StartOperation(operations, clock, self._runner.wake),
            PreviewOperation(PostgresSelectedTasks(pool), clock),
            FollowOperations(operations, clock),
        )

    def start(self) -> None:
        """Begins to advance operations; the database need not be there yet."""
        self._runner.start()

    async def stop(self) -> None:
        """Ends the transaction in hand, then closes the connection; what is left goes on in another process."""
        await self._runner.stop()
        await self._session.close()
