"""A store in memory in which letters lie, and the use cases on it."""

from collections.abc import Sequence

import pytest

from taskmanager.application.commands import InboundMessage
from taskmanager.application.dead_letter_model import LetterState
from taskmanager.application.use_cases.dead_letters.discard_letters import DiscardLetters
from taskmanager.application.use_cases.dead_letters.replay_letters import ReplayLetters
from taskmanager.application.use_cases.ingest_batch import IngestBatch
from tests.fakes.batches import batch_of, first_offsets
from tests.fakes.clock import FixedClock
from tests.fakes.dead_letters import InMemoryDeadLetters, decode
from tests.fakes.task_store import InMemoryTaskStore


class Desk:
    """Where an operator sits."""

    def __init__(self) -> None:
        self.store = InMemoryTaskStore()
        self.letters = InMemoryDeadLetters(self.store)
        self.clock = FixedClock()
        self.replay = ReplayLetters(self.letters, self.letters, decode, self.clock)
        self.discard = DiscardLetters(self.letters, self.letters, self.clock)

    async def receive(self, messages: Sequence[InboundMessage]) -> None:
        """Ingests messages, whose offsets count on from what was received before."""
        await self.store.register(first_offsets(messages))
        ends = {partition: row.next_offset for partition, row in self.store.contents.offsets.items()}
        placed = []
        for message in messages:
            partition = next(place for place in ends if place == (message.topic, message.partition))
            placed.append(message._replace(offset=ends[partition]))
            ends[partition] += 1
        ingest = IngestBatch(self.store, self.clock)
        await ingest.write(ingest.prepare(batch_of(placed)))

    def history(self, letter_id: int) -> list[tuple[str, str, str | None]]:
        """Kind, actor and outcome of what was done with a letter."""
        return [
            (past.action.kind.value, past.action.actor, past.action.outcome)
            for past in self.store.contents.letter_actions
            if past.action.letter_id == letter_id
        ]

    @property
    def states(self) -> dict[int, LetterState]:
        """How every letter stands."""
        return self.letters.states()


@pytest.fixture
def desk() -> Desk:
    """With no letter on it."""
    return Desk()
