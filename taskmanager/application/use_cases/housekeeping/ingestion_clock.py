"""How far both topics have been ingested: the only time by which anything may be declared dead."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.ports import Clock

# While more than this lies unread, a report that saves a task may be among it.
_PATIENCE_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.25

_NO_ANSWER = "Kafka does not answer"
_REMEDY = "see taskmanager offsets show"


class IngestedPartition(NamedTuple):
    """How far a partition is stored as read: its topic's incarnation, the next offset, the message time reached."""

    topic_id: str
    next_offset: int
    ingested_at: datetime | None


class IngestedOffsets(Protocol):
    """What has been read of the source topics."""

    async def ingested(self) -> Mapping[Partition, IngestedPartition]:
        """Every partition that a consumer has taken up; may raise a `StoreError`."""


class Hold(NamedTuple):
    """A while in which the clock stood still: how long, and when it was seen to go on."""

    length: timedelta
    ended_at: datetime


class Reading(NamedTuple):
    """A look at the clock.

    `time` is the moment of which it is proved that all that lay in the topics has been ingested; None where that could
    not be proved, and then `problem` says why. `reached` is the message time that every partition has reached, for
    people to see; None where one has not begun. `hold` is the last time that the clock stood still, if it ever has.
    """

    time: datetime | None
    reached: datetime | None
    problem: str | None = None
    hold: Hold | None = None

    def grants(self, limit: timedelta) -> datetime | None:
        """The time by which what was not heard of for `limit` may be declared dead; None while nothing may.

        Where the clock stood still those who speak may not have been heard either, as when Kafka was away: they are
        given as long to be heard again, and no longer than `limit`.
        """
        return None if self.obstacle(limit) else self.time

    def obstacle(self, limit: timedelta) -> str | None:
        """Why nothing may be declared dead that was not heard of for `limit`; None where it may."""
        if self.time is None:
            return self.problem or "nothing is proved"
        if self.hold is None:
            return None
        until = self.hold.ended_at + min(self.hold.length, limit)
        if self.time >= until:
            return None
        stood = f"Kafka was away or unread for {self.hold.length.total_seconds():.0f} s"
        return f"{stood}, and whoever could not be heard has until {until:%Y-%m-%d %H:%M:%S} UTC"


class IngestionClock:
    """Compares where the topics end with what is stored as read.

    The order is what proves it: first the time, then the ends, and only then what was read. Ends count what lies in or
    behind open transactions. `ends` answers None where Kafka does not; `pause` sleeps so many seconds.
    """

    def __init__(
        self,
        offsets: IngestedOffsets,
        ends: Callable[[], Awaitable[Mapping[Partition, TopicEnds] | None]],
        clock: Clock,
        pause: Callable[[float], Awaitable[object]],
    ) -> None:
        self._offsets = offsets
        self._ends = ends
        self._clock = clock
        self._pause = pause
        self._proved_at: datetime | None = None
        self._held_since: datetime | None = None
        self._hold: Hold | None = None

    async def read(self) -> Reading:
        """Takes a look, of some seconds where consumers are behind; may raise a `StoreError`.

        A hold counts from the last look that proved something, because it may have begun just after that.
        """
        began = self._clock.now()
        reading = await self._look(began)
        if reading.time is None:
            self._held_since = self._held_since or self._proved_at or began
        else:
            if self._held_since is not None:
                self._hold = Hold(reading.time - self._held_since, reading.time)
            self._proved_at, self._held_since = reading.time, None
        return reading._replace(hold=self._hold)

    async def _look(self, now: datetime) -> Reading:
        ends = await self._ends()
        offsets = await self._offsets.ingested()
        if ends is None:
            return Reading(None, _reached(row.ingested_at for row in offsets.values()), _NO_ANSWER)
        for _ in range(round(_PATIENCE_SECONDS / _LOOK_AGAIN_SECONDS)):
            if not any(_unread(offsets.get(partition), end) for partition, end in ends.items()):
                break
            await self._pause(_LOOK_AGAIN_SECONDS)
            offsets = await self._offsets.ingested()
        if any(row.next_offset > ends[partition].high for partition, row in offsets.items() if partition in ends):
            # Either more came and was read since, or the topic has lost its end, and what comes now is never read.
            later = await self._ends()
            lost = [partition for partition, end in (later or {}).items() if _is_beyond(offsets.get(partition), end)]
            if later is None or lost:
                problem = f"{min(lost).topic} has lost its end: {_REMEDY}" if lost else _NO_ANSWER
                return Reading(None, None, problem)
        return judge(now, ends, offsets)


def judge(
    now: datetime, ends: Mapping[Partition, TopicEnds], offsets: Mapping[Partition, IngestedPartition]
) -> Reading:
    """What the ends, asked after `now`, and what is stored as read, asked after the ends, prove together."""
    made_anew = sorted(
        {
            partition.topic
            for partition, end in ends.items()
            if partition in offsets and offsets[partition].topic_id != end.topic_id
        }
    )
    if made_anew:
        return Reading(None, None, f"{made_anew[0]} was deleted and made anew: {_REMEDY}")
    unread = {partition: _unread(offsets.get(partition), end) for partition, end in ends.items()}
    behind = sum(unread.values())
    if not behind:
        return Reading(now, now)
    waiting = [offsets.get(partition) for partition, messages in unread.items() if messages]
    times = [now, *(row.ingested_at if row else None for row in waiting)]
    problem = "1 message is not read yet" if behind == 1 else f"{behind:,} messages are not read yet"
    return Reading(None, _reached(times), problem)


def _unread(row: IngestedPartition | None, end: TopicEnds) -> int:
    """Offsets that are still to be read; none of another incarnation of the topic, which only an operator can mend."""
    if row is None:
        return end.high - end.low
    return max(end.high - row.next_offset, 0) if row.topic_id == end.topic_id else 0


def _is_beyond(row: IngestedPartition | None, end: TopicEnds) -> bool:
    return row is not None and row.topic_id == end.topic_id and row.next_offset > end.high


def _reached(times: Iterable[datetime | None]) -> datetime | None:
    """The earliest; None if one is not known, or there is none."""
    known = list(times)
    return None if not known or None in known else min(time for time in known if time is not None)
