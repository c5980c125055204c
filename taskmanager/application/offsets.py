"""Whether a stored offset fits its topic, and what to do where it does not."""

import shlex
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from taskmanager.application.commands import Partition
from taskmanager.application.ports import StoredOffset


class TopicEnds(NamedTuple):
    """The incarnation of a partition's topic, its first offset and the one behind its last."""

    topic_id: str
    low: int
    high: int


class OffsetProblem(StrEnum):
    """Why a partition cannot be read on from its stored offset."""

    TOPIC_MISSING = "topic_missing"
    TOPIC_MADE_ANEW = "topic_made_anew"
    REMOVED = "removed"
    BEYOND_END = "beyond_end"


def diagnose(stored: StoredOffset, ends: TopicEnds | None) -> OffsetProblem | None:
    """What is wrong with an offset, beside a topic as it is now (None: there is no such partition)."""
    if ends is None:
        return OffsetProblem.TOPIC_MISSING
    if stored.topic_id != ends.topic_id:
        return OffsetProblem.TOPIC_MADE_ANEW
    if stored.next_offset < ends.low:
        return OffsetProblem.REMOVED
    return OffsetProblem.BEYOND_END if stored.next_offset > ends.high else None


def explain(problem: OffsetProblem, stored: StoredOffset | None, ends: TopicEnds | None) -> str:
    """The problem in words."""
    read = f"it was read up to {stored.next_offset}" if stored else "nothing of it was read"
    held = f"the topic holds {ends.low} to {ends.high}" if ends else "the topic is not there"
    match problem:
        case OffsetProblem.TOPIC_MISSING:
            return f"the topic or the partition is not there; {read}"
        case OffsetProblem.TOPIC_MADE_ANEW:
            return f"the topic was deleted and made anew since {read}"
        case OffsetProblem.REMOVED:
            return f"messages were removed before they were read: {read}, but {held}"
        case OffsetProblem.BEYOND_END:
            return f"{read}, but {held}: its end was lost"


def remedy(topic: str, partitions: Iterable[Partition], problem: OffsetProblem) -> str:
    """What the operator is to do: the whole command, where a command helps."""
    if problem is OffsetProblem.TOPIC_MISSING:
        return f"create the topic {topic}, or add the partitions that it lacks"
    numbers = "".join(f" --partition {partition.partition}" for partition in sorted(partitions))
    # Nothing is lost that way, and what was read before has no second effect.
    return f"taskmanager offsets reset --topic {shlex.quote(topic)}{numbers} --to earliest"
