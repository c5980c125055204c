"""A store in memory, and callers of it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from taskmanager.application.intents import Decided, Intent
from taskmanager.application.use_cases.writing.unit import Claim, IdempotencyKey, StoredAnswer, Unit
from taskmanager.application.use_cases.writing.write_group import WriteGroup
from taskmanager.domain.status import TaskStatus
from tests.builders import create_command, task_id
from tests.fakes.clock import FixedClock
from tests.fakes.intent_store import InMemoryIntentStore

DAY = timedelta(days=1)


class Observed:
    """Implements `GroupObserver`: remembers what it was told."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.durations: list[tuple[TaskStatus, float]] = []
        self.replays = self.overloads = 0

    def committed(self, units: int, seconds: float) -> None:
        self.groups.append(units)

    def settled(self, status: TaskStatus, seconds: Sequence[float]) -> None:
        self.durations += [(status, each) for each in seconds]

    def replayed(self) -> None:
        self.replays += 1

    def overloaded(self) -> None:
        self.overloads += 1


def render(decided: Sequence[Decided]) -> StoredAnswer:
    """An answer that tells what came of each intent."""
    return StoredAnswer(200, {}, b";".join(repr(each).split("(")[0].encode() for each in decided))


def unit(*intents: Intent, key: str | None = None, digest: str = "same", size: int = 100, principal: str = "p") -> Unit:
    """What a caller asks for."""
    claim = None if key is None else Claim(IdempotencyKey(principal, key), digest)
    return Unit(intents, render, size, claim)


def creation(number: int = 1, key: str | None = None, **changes: object) -> Unit:
    """A caller who wants one task."""
    return unit(Intent(create_command(id=task_id(number), source=None, actor="p", **changes)), key=key)


@pytest.fixture
def store() -> InMemoryIntentStore:
    return InMemoryIntentStore()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.fixture
def write(store: InMemoryIntentStore, clock: FixedClock, observed: Observed) -> WriteGroup:
    return WriteGroup(store, clock, observed, keep_answers=DAY)
