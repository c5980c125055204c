"""The housekeeper as a program."""

import asyncio

from taskmanager.application.use_cases.housekeeping.housekeeper import Housekeeper
from taskmanager.application.use_cases.housekeeping.lead import LeadHousekeeping
from taskmanager.infrastructure.metrics.housekeeping import HousekeeperMetrics
from taskmanager.infrastructure.postgres.leadership import PostgresLeadership
from taskmanager.infrastructure.resilience.protected_leaders import ProtectedLeadership
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.housekeeper.household import Household

NAME = "housekeeper"
# How long the rule in hand may take at the end; what it has not done the next housekeeper does.
_FINISH_SECONDS = 5.0


class HousekeeperApplication:
    """Composes and runs one housekeeper; any number may run, one of them works."""

    def __init__(self, factory: ApplicationFactory) -> None:
        factory.share_metrics()
        pulse, metrics = factory.pulse(), HousekeeperMetrics(factory.registry)
        self._stopping = asyncio.Event()
        self._working: asyncio.Task[None] | None = None
        self._office_session = factory.session(f"{NAME}-lock")
        self._household = Household(factory, pulse, stopping=self._stopping.is_set, settled=metrics.settled)
        housekeeper = Housekeeper(
            self._household.ingestion_clock,
            self._household.rules,
            self._household.clock,
            metrics,
            pulse,
            long_rules=self._household.long_rules,
        )
        self._lead = LeadHousekeeping(
            ProtectedLeadership(PostgresLeadership(self._office_session, NAME), factory.breakers.database),
            lambda may_go_on: housekeeper.round(may_go_on=may_go_on),
            housekeeper.long_round,
            metrics,
            pulse,
            interval=factory.settings.app.housekeeping_interval,
            stopping=self._stopping,
        )

    async def start(self) -> None:
        """Begins to work; Kafka and PostgreSQL need not be there yet."""
        self._working = asyncio.create_task(self._lead.run())

    async def wait(self) -> None:
        """Returns when the work was stopped; raises what no retry can mend."""
        if self._working is not None:
            await asyncio.shield(self._working)

    async def stop(self) -> None:
        """Ends the rule in hand, then leaves PostgreSQL and Kafka."""
        self._stopping.set()
        if self._working is not None:
            _, late = await asyncio.wait([self._working], timeout=_FINISH_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.wait([self._working])  # how it ended is told by `wait`
        await self._household.close()
        await self._office_session.close()
