"""Relays that want one office, and what they publish, without Kafka or a database."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from taskmanager.application.office import Office
from taskmanager.application.outbound import Outbound
from taskmanager.application.use_cases.lead_relay import LeadRelay
from tests.fakes.leadership import InMemoryLeadership, SharedOffice
from tests.fakes.relay import Broker, InMemoryPublisher, RecordingMetrics

Until = Callable[[Callable[[], object]], Any]


class Candidate:
    """A relay whose work is to publish one message after another, or to fail."""

    def __init__(self, name: str, office: SharedOffice, broker: Broker) -> None:
        self.name = name
        self.leadership = InMemoryLeadership(office)
        self.publisher = InMemoryPublisher(broker)
        self.metrics = RecordingMetrics()
        self.stopping = asyncio.Event()
        self.offices: list[Office] = []
        self.failures: list[Exception] = []
        self.beats = 0
        self._stop_work = asyncio.Event()
        self.relay = LeadRelay(
            self.leadership, self.publisher, self._begin, self.metrics, stopping=self.stopping, beat=self._beat
        )
        self.running = asyncio.create_task(self.relay.run())

    @property
    def leads(self) -> bool:
        return self.metrics.leaders[-1:] == [True]

    def _beat(self) -> None:
        self.beats += 1

    def _begin(self, office: Office) -> Sequence[Coroutine[Any, Any, None]]:
        self.offices.append(office)
        return [self._work(office), self._stand()]

    async def _work(self, office: Office) -> None:
        position = office.term.position
        while not self.stopping.is_set():
            position += 1
            await self.publisher.publish([Outbound("events", self.name, b"", [("sequence", str(position))])])
            office.reached(position)
            if self.failures:
                raise self.failures.pop(0)
            await asyncio.sleep(0.001)

    async def _stand(self) -> None:
        await self.stopping.wait()


class Stage:
    """Candidates for one office."""

    def __init__(self) -> None:
        self.office = SharedOffice()
        self.broker = Broker()
        self.broker.journal = self.office.journal
        self.candidates: list[Candidate] = []

    def candidate(self, name: str = "first") -> Candidate:
        self.candidates.append(Candidate(name, self.office, self.broker))
        return self.candidates[-1]

    def sequences(self) -> list[int]:
        return [int(str(dict(message.headers)["sequence"])) for message in self.broker.messages]
