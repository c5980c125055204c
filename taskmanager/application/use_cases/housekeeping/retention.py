"""History that is settled and old is archived, and then removed by whole partitions of the event log."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

import structlog

from taskmanager.application.ports import Clock, StoreUnavailable
from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.rule import Done

log = structlog.get_logger(__name__)

# To find that nothing is due costs little, to find it each time is nevertheless in vain.
_EVERY = timedelta(minutes=10)
_SECONDS_BETWEEN_CANCELS = 0.5

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


class Candidate(NamedTuple):
    """The oldest partitions of the log up to one that was not looked at before: numbers from `low` to `below` - 1.

    `obstacle` says why it has to stay; None where nothing seems to be in the way.
    """

    low: int
    below: int
    obstacle: str | None


class Contents(NamedTuple):
    """Numbers of tasks, of their events, and of their refused reports."""

    tasks: int
    events: int
    refused: int


class ArchivedTask(NamedTuple):
    """A task with all that is known of it, as JSON, and how many events and refused reports that holds."""

    line: str
    events: int
    refused: int


class OldHistory(Protocol):
    """History as retention sees it; every method blocks, for minutes where there is much, and may raise a `StoreError`.

    A task belongs to the partition of its last event. One that goes on in later partitions stays whole.
    """

    def turn(self) -> AbstractContextManager[bool]:
        """Whether nobody else is at it; holds for all that is done inside, and what ends it early is a `StoreError`."""

    def is_booked(self, candidate: Candidate) -> bool:
        """Whether it, or what came after it, has been archived and removed."""

    def candidate(self, cutoff: datetime) -> Candidate | None:
        """What could go next if nothing of it was changed after `cutoff`; None while there is one partition only."""

    def count(self, candidate: Candidate) -> int:
        """How many tasks belong to it."""

    def tasks(self, candidate: Candidate) -> AbstractContextManager[Iterable[ArchivedTask]]:
        """The tasks that belong to it, by id, as they are at one moment."""

    def remove(self, candidate: Candidate, cutoff: datetime, contents: Contents, archive: str) -> None:
        """Removes these tasks and drops the partitions in one transaction, if they are what was archived.

        What cannot go (changed since, other contents, not passed by a reader) is a `StoreError`, and nothing has gone.
        """

    def cancel(self) -> None:
        """Ends what is under way with a `StoreError`; from another thread."""


class Archive(Protocol):
    """Where archives are kept; may raise `OSError`."""

    def write(self, name: str, lines: Iterable[str], approve: Callable[[int], None]) -> None:
        """Keeps lines under a name, durably, as a whole or not at all, in place of what had the name before.

        `approve` is told how many lines can be read back, when all is done but for the name; it may raise.
        """


class Retention:
    """Removes at most one partition per call, and looks every ten minutes; zero days keep everything.

    Any number may be at it: one works, the others find nothing to do. Cancelled, it ends before the next line, or with
    the statement under way; what was not committed by then is not removed.
    """

    name = "retention"

    def __init__(self, history: OldHistory, archive: Archive | None, clock: Clock, *, days: int) -> None:
        self._history = history
        self._archive = archive
        self._clock = clock
        self._days = days
        self._cancelled = threading.Event()
        self._due: datetime | None = None

    async def apply(self, reading: Reading) -> Done:  # noqa: ARG002 - a rule's signature
        """See `Rule.apply`."""
        now = self._clock.now()
        if not self._days or self._archive is None or (self._due is not None and now < self._due):
            return Done()
        self._due = now + _EVERY
        archived = await self._in_thread(self._archive_next, self._archive)
        if archived is None:
            return Done()
        self._due = None
        return Done({"archived": archived.tasks}, more=True)

    async def preview(self, reading: Reading) -> Done:  # noqa: ARG002
        """See `Rule.preview`."""
        if not self._days:
            return Done()
        candidate = await self._in_thread(self._history.candidate, self._cutoff())
        if candidate is None or candidate.obstacle is not None:
            return Done()
        return Done({"archived": await self._in_thread(self._history.count, candidate)})

    async def outlook(self, reading: Reading) -> str:  # noqa: ARG002
        """See `Rule.outlook`."""
        if not self._days:
            return "history is kept for ever (RETENTION_DAYS is 0)"
        return await self._in_thread(self._look)

    def _look(self) -> str:
        with self._history.turn() as is_ours:
            if not is_ours:
                return "another process is archiving"
            candidate = self._history.candidate(self._cutoff())
        if candidate is None:
            return "the event log has one partition only"
        return candidate.obstacle or f"events up to number {candidate.below - 1} can go"

    def _archive_next(self, archive: Archive) -> Contents | None:
        with self._history.turn() as is_ours:
            cutoff = self._cutoff()
            candidate = self._history.candidate(cutoff) if is_ours else None
            if candidate is None or candidate.obstacle is not None:
                return None
            name = f"events-{candidate.low:015d}-{candidate.below:015d}.jsonl.gz"
            contents = self._write(archive, name, candidate)
            self._go_on()
            self._history.remove(candidate, cutoff, contents, name)
        log.info("history_archived", archive=name, **contents._asdict())
        return contents

    def _write(self, archive: Archive, name: str, candidate: Candidate) -> Contents:
        with self._history.tasks(candidate) as tasks:
            counted = _Counted(tasks, self._go_on)

            def approve(readable: int) -> None:
                if readable != counted.contents.tasks:
                    raise OSError(
                        f"{name}: {counted.contents.tasks} lines were written and {readable} can be read back"
                    )
                self._go_on()
                if self._history.is_booked(candidate):
                    raise StoreUnavailable(f"{name} is there, and what it holds has been removed: it is left as it is")

            archive.write(name, counted, approve)
        return counted.contents

    def _go_on(self) -> None:
        if self._cancelled.is_set():
            raise StoreUnavailable("archiving was cancelled")

    def _cutoff(self) -> datetime:
        return self._clock.now() - timedelta(days=self._days)

    async def _in_thread(
        self, work: Callable[_Arguments, _Answer], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> _Answer:
        self._cancelled.clear()
        call = asyncio.create_task(asyncio.to_thread(work, *arguments, **named))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            self._cancelled.set()
            # Again and again: a statement may begin just after it was looked for.
            while not call.done():
                self._history.cancel()
                await asyncio.wait([call], timeout=_SECONDS_BETWEEN_CANCELS)
            if not call.cancelled() and call.exception() is not None:
                log.info("retention_cancelled", error=str(call.exception()))
            raise


class _Counted:
    """The lines of tasks, counting what they hold as they pass; `go_on` is asked before each and may raise."""

    def __init__(self, tasks: Iterable[ArchivedTask], go_on: Callable[[], None]) -> None:
        self._tasks = tasks
        self._go_on = go_on
        self.contents = Contents(0, 0, 0)

    def __iter__(self) -> Iterator[str]:
        for task in self._tasks:
            self._go_on()
            tasks, events, refused = self.contents
            self.contents = Contents(tasks + 1, events + task.events, refused + task.refused)
            yield task.line
