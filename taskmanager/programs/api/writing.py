"""The part of the REST program that changes tasks."""

from datetime import timedelta

from taskmanager.api.rest.submitting import Submitting
from taskmanager.api.rest.task_batches import TaskBatchController
from taskmanager.api.rest.task_commands import Rules
from taskmanager.api.rest.task_writes import TaskWriteController
from taskmanager.application.use_cases.writing.group_commit import GroupCommit
from taskmanager.application.use_cases.writing.write_group import WriteGroup
from taskmanager.infrastructure.metrics.writes import WriteMetrics
from taskmanager.infrastructure.postgres.intent_store import PostgresIntentStore
from taskmanager.infrastructure.resilience.protected_writes import ProtectedIntentStore
from taskmanager.programs.clock import SystemClock
from taskmanager.programs.factory import ApplicationFactory


class Writing:
    """Commits what the two controllers are asked for, on connections of its own."""

    def __init__(self, factory: ApplicationFactory) -> None:
        app = factory.settings.app
        self._is_stopping = False
        self._session = factory.session(f"{factory.slot} writes")
        self._quick = factory.loop_session(f"{factory.slot} creations")
        store = PostgresIntentStore(self._session, self._quick, factory.writer, stopping=lambda: self._is_stopping)
        clock = SystemClock()
        self.metrics = metrics = WriteMetrics(factory.registry)
        write = WriteGroup(
            ProtectedIntentStore(store, factory.breakers.database),
            clock,
            metrics,
            keep_answers=timedelta(seconds=app.idempotency_ttl),
        )
        self._commit = GroupCommit(write, metrics)
        submitting, rules = Submitting(self._commit.submit), Rules(app.allow_private_urls, app.result_max_bytes)
        self.tasks = TaskWriteController(submitting, rules, clock.now)
        self.batches = TaskBatchController(submitting, rules, clock.now)

    @property
    def is_full(self) -> bool:
        """Whether the next change would be refused for want of room."""
        return self._commit.is_full

    def start(self) -> None:
        """Begins to commit; the database need not be there yet."""
        self._commit.start()

    async def stop(self) -> None:
        """Commits what was accepted, then closes the connections."""
        self._is_stopping = True
        await self._commit.stop()
        await self._session.close()
        await self._quick.close()
