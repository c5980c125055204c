"""Pages of a trail are cut anywhere and still tell everything once."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.application.principal import ANONYMOUS
from taskmanager.application.task_history import EntryKind, TrailEntry, TrailPosition, TrailRun
from taskmanager.application.use_cases.reading.cursors import Cursors
from taskmanager.application.use_cases.reading.read_trail import ReadTrail
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.values import TaskId, UserEmail
from tests.builders import at, task_id

_KINDS: tuple[EntryKind, ...] = ("event", "refused", "parked")
# Seconds at which entries of each kind were recorded: those of refused reports may go back, those of events do not.
_times = st.fixed_dictionaries(
    {
        "event": st.lists(st.integers(0, 20), max_size=12).map(sorted),
        "refused": st.lists(st.integers(0, 20), max_size=12),
        "parked": st.lists(st.integers(0, 20), max_size=4),
    }
)


class Histories:
    """Implements `TaskHistories` over lists in memory; a run has `cut` entries at most."""

    def __init__(self, times: Mapping[str, Sequence[int]], cut: int) -> None:
        self.entries = {kind: [_entry(kind, place, times[kind][place - 1]) for place in _places(times[kind])]
                        for kind in _KINDS}  # fmt: skip
        self._cut = cut

    async def runs(
        self, task_id: TaskId, owner: UserEmail | None, after: TrailPosition, *, limit: int, sees_deleted: bool
    ) -> Sequence[TrailRun] | None:
        """See `TaskHistories.runs`."""
        runs = []
        for kind in _KINDS:
            left = [(entry.sequence or 0, entry) for entry in self.entries[kind][getattr(after, kind) :]]
            if left:
                taken = left[: min(limit, self._cut)]
                runs.append(TrailRun(kind, taken, len(taken) < len(left)))
        return runs

    async def events(
        self, task_id: TaskId, owner: UserEmail | None, *, version: int | None, moment: datetime | None, limit: int
    ) -> Sequence[TaskEvent]:
        """See `TaskHistories.events`."""
        raise AssertionError("a trail needs no events")

    async def cursor_key(self) -> bytes:
        """See `CursorKeys.cursor_key`."""
        return b"k" * 32


@given(times=_times, limit=st.integers(1, 9), cut=st.integers(1, 9))
def test_every_entry_is_told_once_and_each_kind_in_its_order(
    times: Mapping[str, list[int]], limit: int, cut: int
) -> None:
    histories = Histories(times, cut)
    found = asyncio.run(_all(histories, limit))

    for kind in _KINDS:
        assert [entry for entry in found if entry.kind == kind] == histories.entries[kind]


@given(times=_times.map(lambda times: {kind: sorted(seconds) for kind, seconds in times.items()}),
       limit=st.integers(1, 9), cut=st.integers(1, 9))  # fmt: skip
def test_what_was_recorded_in_order_is_told_in_order(times: Mapping[str, list[int]], limit: int, cut: int) -> None:
    recorded = [entry.recorded_at for entry in asyncio.run(_all(Histories(times, cut), limit))]

    assert recorded == sorted(recorded)


async def _all(histories: Histories, limit: int) -> list[TrailEntry]:
    read_trail = ReadTrail(histories, Cursors(histories))
    found: list[TrailEntry] = []
    cursor: str | None = None
    while True:
        page = await read_trail(task_id(), ANONYMOUS, limit, cursor)
        assert page is not None
        assert len(page.entries) <= limit
        found += page.entries
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert page.entries, "a page that leads on holds something"


def _places(times: Sequence[int]) -> range:
    return range(1, len(times) + 1)


def _entry(kind: EntryKind, place: int, seconds: int) -> TrailEntry:
    return TrailEntry(
        kind=kind, recorded_at=at(seconds), occurred_at=None, type=None, status=None, version=None, attempt=None,
        sequence=place, reason=None, detail=None, data=msgspec.Raw(b"{}"), actor=None, correlation_id=None, source=None,
        trace_id=None,
    )  # fmt: skip
