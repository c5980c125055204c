"""One run on a prepared workspace: plays, listens, settles, counts."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from taskmanager.application.waiting import is_set_within
from taskmanager.programs.demo.accounting import Totals, discrepancies
from taskmanager.programs.demo.appliance import Appliance
from taskmanager.programs.demo.crew import Crew
from taskmanager.programs.demo.files import read_messages
from taskmanager.programs.demo.listener import Listener
from taskmanager.programs.demo.options import Options
from taskmanager.programs.demo.player import Player
from taskmanager.programs.demo.progress import Progress
from taskmanager.programs.demo.published import Recogniser
from taskmanager.programs.demo.recent import Recent
from taskmanager.programs.demo.settlement import STALL_SECONDS, Settlement
from taskmanager.programs.demo.timeline import Sending, endless, gateway, gateway_with_early_workers
from taskmanager.programs.demo.topic_reader import TopicReader
from taskmanager.programs.demo.watch import Watch
from taskmanager.programs.demo.witness import Witness
from taskmanager.programs.demo.workspace import Workspace

_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run with an end came out; `problems` is empty if every message is accounted for."""

    totals: Totals
    sent: int
    seconds: float
    skipped: int
    relayed: int
    relay_duplicates: int
    problems: tuple[str, ...]


@dataclass
class Run:
    """Plays what the options say and shows it; `stop` ends it early."""

    options: Options
    workspace: Workspace
    appliance: Appliance
    watch: Watch
    player: Player
    recogniser: Recogniser
    brokers: str
    stop: asyncio.Event
    _phase: str = "starting"
    _started: Recent = field(default_factory=Recent)
    _crew: Crew | None = None
    _listener: Listener | None = None
    _playing: asyncio.Task[None] | None = None
    _listening: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        if self.options.workers:
            self._crew = Crew(self.options.seed, self._started, paced=self.options.paced)

    async def once(self) -> Outcome | None:
        """Plays to the end and accounts for every message; None if it was stopped. Raises `DemoError` if it stalls."""
        try:
            before = await self._settled()  # what an earlier run left over must not be mixed up with this one
            witness = Witness()
            if before is not None:
                self.watch.began = monotonic()
                self._begin(before, witness)
            while before is not None and (after := await self._settled()) is not None:
                outcome = await self._account(before, after, witness, self.watch.seconds)
                if not outcome.problems or _same(after, await self._look()):
                    return outcome
        finally:
            await self._end()
        return None

    async def serve(self) -> None:
        """Plays, and goes on serving when all is played, until it is stopped."""
        if self.options.idle:
            self._phase = "serving"
        try:
            while not self.stop.is_set():
                progress = await self._look()
                if progress is not None and self._playing is None and not self.options.idle:
                    self._begin(progress, None)
                self._raise_failure()
                await self._pause(_LOOK_SECONDS)
        finally:
            await self._end()

    def _begin(self, progress: Progress, witness: Witness | None) -> None:
        """Listens from the present ends on, and plays."""
        if witness is not None or self._crew is not None:
            reader = TopicReader(self.brokers, progress.ends)
            self._listener = Listener(reader, self.recogniser, self._crew, witness, self.player)
            self._listening = asyncio.create_task(self._listener.listen(self.stop))
        self._playing = asyncio.create_task(self._play())

    def _raise_failure(self) -> None:
        for task in (self._playing, self._listening):
            if task is not None and task.done():
                task.result()

    async def _end(self) -> None:
        tasks = [task for task in (self._playing, self._listening) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _play(self) -> None:
        self._phase = "playing"
        await self.player.play(self._sendings(), paced=self.options.paced, stop=self.stop)
        await self.player.flush()
        self._phase = "settling" if self.options.once else "played everything, serving"

    def _sendings(self) -> Iterator[Sending]:
        read = partial(read_messages, self.options.file, self.workspace.topic_roles)
        requests = endless(read, uuid.uuid4()) if self.options.endless else read()
        if self._crew is None:
            return gateway(requests, self.options.interval)
        return gateway_with_early_workers(requests, self.options.interval, self.options.seed, self._started)

    async def _settled(self) -> Progress | None:
        """A moment when all that was sent has had its effect, and nobody has anything left to send; None if stopped."""
        settlement = Settlement(monotonic())
        while not self.stop.is_set():
            self._raise_failure()
            played = self._playing is None or self._playing.done()
            # What is sent after the look has begun may not be among what it saw.
            handed = self.player.handed if played and not self.player.in_flight else None
            progress = await self._look()
            if progress is not None and progress.settled and handed == self.player.handed and self._heard(progress):
                return progress
            pause = settlement.pause(monotonic(), progress)
            if played and (self._crew is None or self._crew.idle) and settlement.stalled(monotonic()):
                raise self.appliance.error(_stall(progress))
            await self._pause(pause)
        return None

    def _heard(self, progress: Progress) -> bool:
        return self._listener is None or self._listener.idle(progress.ends)

    async def _look(self) -> Progress | None:
        return await self.watch.look(self._phase, self.player.sent, self._crew.retried if self._crew else 0)

    async def _account(self, before: Progress, after: Progress, witness: Witness, seconds: float) -> Outcome:
        observer = self.watch.observer
        ledgers, totals = await self.watch.ask(observer.books)
        problems = discrepancies(ledgers, before, after, self.player.delivered, witness.sightings)
        problems += await self.watch.ask(lambda: witness.problems(observer.written_since(before.last_event)))
        if self.player.failed > len(self.player.failures):
            problems.append(f"{self.player.failed} messages were not taken by Kafka, the first of them:")
        return Outcome(
            totals=totals,
            sent=self.player.sent,
            seconds=seconds,
            skipped=witness.lookalikes,
            relayed=witness.relayed,
            relay_duplicates=witness.duplicates,
            problems=(*problems, *self.player.failures),
        )

    async def _pause(self, seconds: float) -> None:
        await is_set_within(self.stop, seconds)


def _same(one: Progress, other: Progress | None) -> bool:
    return other is not None and (one.ends, one.last_event) == (other.ends, other.last_event)


def _stall(progress: Progress | None) -> str:
    waiting = "the database or Kafka does not answer"
    if progress is not None:
        waiting = (
            f"{progress.lag} messages wait to be read, {progress.claimable} parked reports to be applied, "
            f"{progress.backlog} events to be published"
        )
    return f"nothing has moved for {STALL_SECONDS:.0f} s: {waiting}; see the log for what the programs do"
