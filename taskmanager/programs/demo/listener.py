"""Listens to the topics for the workers and for the witness."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from taskmanager.application.commands import InboundMessage
from taskmanager.programs.demo.crew import Crew
from taskmanager.programs.demo.player import Player
from taskmanager.programs.demo.progress import Partition
from taskmanager.programs.demo.published import Kind, Published, Recogniser
from taskmanager.programs.demo.topic_reader import TopicReader
from taskmanager.programs.demo.witness import Witness


class Listener:
    """Tells the crew and the witness, each where there is one, what the topics hold; sends what the crew reports."""

    def __init__(
        self, reader: TopicReader, recogniser: Recogniser, crew: Crew | None, witness: Witness | None, player: Player
    ) -> None:
        self._reader = reader
        self._recogniser = recogniser
        self._crew = crew
        self._witness = witness
        self._player = player

    async def listen(self, stop: asyncio.Event) -> None:
        """Goes on until it is stopped; raises `DemoError` where the topics cannot be read."""
        try:
            while not stop.is_set():
                messages = await self._reader.fetch()
                now = datetime.now(UTC)
                for message in messages:
                    self._hear(message, now)
                if self._crew is not None:
                    for report in self._crew.due(now):
                        await self._player.send(report)
                self._player.poll()
        finally:
            await self._reader.close()

    def idle(self, ends: Mapping[Partition, int]) -> bool:
        """Whether everything before these offsets was heard, and nothing is left to be reported."""
        return self._reader.reached(ends) and (self._crew is None or self._crew.idle)

    def _hear(self, message: InboundMessage, now: datetime) -> None:
        kind = self._recogniser.kind(message)
        if self._witness is not None:
            self._witness.saw((message.topic, message.partition), kind)
        if kind is not Kind.EVENT:
            return
        try:
            event = Published.of(message)
        except ValueError as mistake:
            if self._witness is not None:
                self._witness.complain(str(mistake))
            return
        if self._witness is not None:
            self._witness.heard(event)
        if self._crew is not None:
            self._crew.take(event, now)
