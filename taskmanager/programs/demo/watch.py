"""Looks at the appliance now and then, and shows what it sees."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

import psycopg2
from confluent_kafka import KafkaException

from taskmanager.programs.demo.figures import Figures, Rate
from taskmanager.programs.demo.observer import Observer
from taskmanager.programs.demo.progress import Progress
from taskmanager.programs.demo.view import View

_BLIND_LOOKS = 5  # so many in vain are worth a word
T = TypeVar("T")


@dataclass
class Watch:
    """Asks the observer in its only thread; `consumers` tells how many consumers there are to be."""

    observer: Observer
    thread: Executor
    view: View
    consumers: Callable[[], int]
    addresses: tuple[tuple[str, str], ...] = ()
    began: float = field(default_factory=monotonic)
    _read_rate: Rate = field(default_factory=Rate)
    _sent_rate: Rate = field(default_factory=Rate)
    _blind: int = 0  # looks in vain since the last good one

    @property
    def seconds(self) -> float:
        """Seconds since `began`."""
        return monotonic() - self.began

    async def look(self, phase: str, sent: int, retried: int) -> Progress | None:
        """Shows the present moment and returns it; None if it cannot be had just now."""
        try:
            progress = await self.ask(self.observer.progress)
        except (psycopg2.Error, KafkaException, TimeoutError) as error:
            self._blind += 1
            if self._blind % _BLIND_LOOKS == 0:
                self.view.note(f"cannot look at the moment: {str(error).strip()}")
            return None
        self._blind = 0
        self.view.show(
            Figures(
                phase=phase,
                seconds=self.seconds,
                sent=sent,
                sent_rate=self._sent_rate.add(monotonic(), sent),
                ingested_rate=self._read_rate.add(monotonic(), progress.ingested),
                progress=progress,
                retried=retried,
                consumers=self.consumers(),
                addresses=self.addresses,
            )
        )
        return progress

    async def ask(self, question: Callable[[], T]) -> T:
        """The answer of something that may block."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, question)
