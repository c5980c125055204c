"""Sets where partitions are read on, and keeps history accounted for."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.ports import StoredOffset

Target = int | Literal["earliest", "latest"]


class Step(StrEnum):
    """What setting an offset does to a partition's ledger."""

    STAY = "stay"
    BEGIN = "begin"
    SKIP = "skip"
    RETIRE = "retire"


class OffsetOutOfRange(Exception):  # noqa: N818
    """The topic does not hold the wanted offset; its text names the partition and what it holds."""


class MovedMeanwhile(Exception):  # noqa: N818
    """Between the plan and its execution somebody else has changed what there is to do; nothing was done."""


class Reset(NamedTuple):
    """What is to be done to one partition: it stands at `stored` (None: never read) and shall go on at `offset`."""

    partition: Partition
    step: Step
    stored: StoredOffset | None
    topic_id: str
    offset: int

    @property
    def goes_back(self) -> bool:
        """Whether messages that had their effect are read again."""
        return self.step is Step.RETIRE and self.stored is not None and self.stored.topic_id == self.topic_id

    def __str__(self) -> str:
        at = self.stored.next_offset if self.stored else 0
        match self.step:
            case Step.STAY:
                return f"stands at {self.offset} already"
            case Step.BEGIN:
                return f"was never read: begins at {self.offset}"
            case Step.SKIP:
                return f"goes on at {self.offset} instead of {at}: what lies between is never read ({self.offset - at})"
            case Step.RETIRE if self.stored and self.stored.topic_id != self.topic_id:
                return f"begins the topic that was made anew at {self.offset}; the former was read up to {at}"
            case Step.RETIRE:
                return f"goes back from {at} to {self.offset}: what was read before is read again ({at - self.offset})"


class ArchivedHistory(NamedTuple):
    """How many tasks, other events and refused reports of a partition's messages were archived and removed."""

    created: int
    applied: int
    refused: int


class OffsetWriter(Protocol):
    """Changes ledgers; every method may raise a `StoreError`."""

    def locked(self, partitions: Sequence[Partition]) -> AbstractContextManager[Mapping[Partition, StoredOffset]]:
        """The stored offsets of these partitions, which nobody moves within the block; ends in COMMIT, or as before."""

    def begin(self, resets: Sequence[Reset]) -> None:
        """Makes the first ledgers of these partitions."""

    def skip(self, resets: Sequence[Reset]) -> None:
        """Moves these ledgers forward, and counts what is left out as skipped."""

    def retire(self, resets: Sequence[Reset]) -> None:
        """Puts these ledgers away, with the reset in words, and begins new ones."""


def plan_reset(
    partitions: Sequence[Partition],
    stored: Mapping[Partition, StoredOffset],
    ends: Mapping[Partition, TopicEnds],
    target: Target,
) -> Sequence[Reset]:
    """What has to be done for each partition; Kafka must know all of them. Raises `OffsetOutOfRange`."""
    return [_planned(partition, stored.get(partition), ends[partition], target) for partition in partitions]


def warn_of_repetition(reset: Reset, archived: ArchivedHistory | None) -> str | None:
    """What may happen a second time because nothing is left that would tell that it has happened; None: nothing."""
    if archived is None or not reset.goes_back:
        return None
    return (
        f"retention has removed history of this partition ({archived.created} tasks, {archived.applied} other events): "
        "a request that is read again and whose task was removed makes the task again, which workers then run a second "
        "time; a report for such a task becomes a dead letter"
    )


class ResetOffsets:
    """Carries out what was planned, in one transaction; consumers that run are fenced by it and read on from there."""

    def __init__(self, writer: OffsetWriter) -> None:
        self._writer = writer

    def __call__(
        self, planned: Sequence[Reset], plan: Callable[[Mapping[Partition, StoredOffset]], Sequence[Reset]]
    ) -> Sequence[Reset]:
        """Plans again with offsets that nobody moves any more, and does that; answers it.

        Raises `MovedMeanwhile` where it would be something else than what was planned, and a `StoreError`.
        """
        with self._writer.locked([reset.partition for reset in planned]) as stored:
            now = plan(stored)
            if [(reset.partition, reset.step, reset.topic_id) for reset in now] != [
                (reset.partition, reset.step, reset.topic_id) for reset in planned
            ]:
                raise MovedMeanwhile
            for step, do in {
                Step.BEGIN: self._writer.begin, Step.SKIP: self._writer.skip, Step.RETIRE: self._writer.retire,
            }.items():  # fmt: skip
                if resets := [reset for reset in now if reset.step is step]:
                    do(resets)
        return now


def _planned(partition: Partition, stored: StoredOffset | None, ends: TopicEnds, target: Target) -> Reset:
    offset = {"earliest": ends.low, "latest": ends.high}[target] if isinstance(target, str) else target
    if not ends.low <= offset <= ends.high:
        name = f"{partition.topic}/{partition.partition}"
        raise OffsetOutOfRange(f"{name} holds the offsets {ends.low} to {ends.high}, not {offset}")
    if stored is None:
        step = Step.BEGIN
    elif stored.topic_id != ends.topic_id or offset < stored.next_offset:
        step = Step.RETIRE
    else:
        step = Step.SKIP if offset > stored.next_offset else Step.STAY
    return Reset(partition, step, stored, ends.topic_id, offset)
