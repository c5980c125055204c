"""One run on a prepared workspace: plays, watches, settles, counts."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TypeVar

import psycopg2
from confluent_kafka import KafkaException

from taskmanager.programs.demo.accounting import Partition, Totals, discrepancies
from taskmanager.programs.demo.appliance import Appliance
from taskmanager.programs.demo.figures import Figures, Rate
from taskmanager.programs.demo.files import read_messages
from taskmanager.programs.demo.observer import Observer, Progress
from taskmanager.programs.demo.options import Options
from taskmanager.programs.demo.player import Player
from taskmanager.programs.demo.settlement import STALL_SECONDS, Settlement
from taskmanager.programs.demo.timeline import Sending, endless, gateway, gateway_and_workers
from taskmanager.programs.demo.view import View
from taskmanager.programs.demo.workspace import Workspace

_LOOK_SECONDS = 0.5
_BLIND_LOOKS = 5  # so many in vain are worth a word
_TRIES = 100
_TRY_SECONDS = 0.1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run with an end came out; `problems` is empty if every message is accounted for."""

    totals: Totals
    sent: int
    seconds: float
    problems: tuple[str, ...]


@dataclass
class Run:
    """Plays what the options say and shows it; `stop` ends it early."""

    options: Options
    workspace: Workspace
    appliance: Appliance
    observer: Observer
    looking: Executor  # the observer's only thread
    player: Player
    view: View
    stop: asyncio.Event
    addresses: tuple[tuple[str, str], ...] = ()
    _began: float = field(default_factory=monotonic)
    _read_rate: Rate = field(default_factory=Rate)
    _sent_rate: Rate = field(default_factory=Rate)
    _phase: str = "playing"
    _blind: int = 0  # looks in vain since the last good one

    async def once(self) -> Outcome | None:
        """Plays to the end and accounts for every message; None if it was stopped. Raises `DemoError` if it stalls."""
        before = await self._ends()
        settlement = Settlement(monotonic())
        playing = asyncio.create_task(self._play())
        try:
            while not self.stop.is_set():
                played = playing.done() and playing.result() is None
                progress = await self._look()
                if played and progress is not None and progress.settled:
                    return await self._account(before)
                pause = settlement.pause(monotonic(), progress)
                if played and settlement.stalled(monotonic()):
                    raise self.appliance.error(self._stall(progress))
                await self._pause(pause)
        finally:
            playing.cancel()
        return None

    async def serve(self) -> None:
        """Plays, and goes on serving when all is played, until it is stopped."""
        playing = asyncio.create_task(self._play()) if not self.options.idle else None
        if playing is None:
            self._phase = "serving"
        try:
            while not self.stop.is_set():
                await self._look()
                if playing is not None and playing.done():
                    playing.result()
                await self._pause(_LOOK_SECONDS)
        finally:
            if playing is not None:
                playing.cancel()

    async def _play(self) -> None:
        await self.player.play(self._sendings(), paced=self.options.paced, stop=self.stop)
        await self.player.flush()
        self._phase = "settling" if self.options.once else "played everything, serving"

    def _sendings(self) -> Iterator[Sending]:
        read = partial(read_messages, self.options.file, self.workspace.topic_roles)
        requests = endless(read, uuid.uuid4()) if self.options.endless else read()
        if not self.options.workers:
            return gateway(requests, self.options.interval)
        return gateway_and_workers(requests, self.options.interval, self.options.seed)

    async def _look(self) -> Progress | None:
        try:
            progress = await self._in_thread(self.observer.progress)
        except (psycopg2.Error, KafkaException, TimeoutError) as error:
            self._blind += 1
            if self._blind % _BLIND_LOOKS == 0:
                self.view.note(f"cannot look at the moment: {str(error).strip()}")
            return None
        self._blind = 0
        now = monotonic()
        self.view.show(
            Figures(
                phase=self._phase,
                seconds=now - self._began,
                sent=self.player.sent,
                sent_rate=self._sent_rate.add(now, self.player.sent),
                ingested_rate=self._read_rate.add(now, progress.ingested),
                progress=progress,
                addresses=self.addresses,
            )
        )
        return progress

    async def _account(self, before: dict[Partition, int]) -> Outcome:
        seconds = monotonic() - self._began
        after = await self._ends()
        ledgers, totals = await self._in_thread(self.observer.books)
        problems = discrepancies(ledgers, before, after, self.player.delivered)
        if self.player.failed > len(self.player.failures):
            problems.append(f"{self.player.failed} messages were not taken by Kafka, the first of them:")
        return Outcome(totals, self.player.sent, seconds, (*problems, *self.player.failures))

    async def _ends(self) -> dict[Partition, int]:
        for _ in range(_TRIES):
            with suppress(KafkaException):  # fresh topics are without a leader for a moment
                return await self._in_thread(self.observer.ends)
            await self._pause(_TRY_SECONDS)
        raise self.appliance.error("Kafka does not tell how long its partitions are; bin/stack status shows its log")

    def _stall(self, progress: Progress | None) -> str:
        waiting = "the database or Kafka does not answer"
        if progress is not None:
            waiting = f"{progress.lag} messages wait to be read, {progress.claimable} parked reports to be applied"
        return f"nothing has moved for {STALL_SECONDS:.0f} s: {waiting}; see the log for what the consumers do"

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.looking, call)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            return
