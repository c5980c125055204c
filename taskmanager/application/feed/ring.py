"""The newest part of the log, kept once for all listeners of a process."""

from bisect import bisect_right
from collections.abc import Sequence

from taskmanager.application.event_log import LoggedEvent
from taskmanager.application.feed.model import EventEncoder, EventFilter, feed_event

_COUNT_MAX = 20_000
_BYTES_MAX = 32 << 20
_CHUNK_BYTES = 64 << 10
_SHARED_CHUNKS = 64
# What an event takes beside its data, as an object and encoded.
_OVERHEAD_BYTES = 1500


class Entry:
    """An event with what filters ask about; encoded when the first listener wants it."""

    __slots__ = ("_frame", "event", "size", "status", "user_email")

    def __init__(self, event: LoggedEvent, user_email: str | None, status: str | None) -> None:
        self.event = event
        self.user_email = user_email
        self.status = status
        self.size = 2 * len(event.data or "") + _OVERHEAD_BYTES
        self._frame: bytes | None = None

    def frame(self, encode: EventEncoder) -> bytes:
        """The event as listeners get it."""
        if self._frame is None:
            self._frame = encode(feed_event(self.event, self.status))
        return self._frame


class Ring:
    """Holds every event from behind its floor up to its position, bounded in number and bytes; the oldest go first."""

    def __init__(self, encode: EventEncoder, *, count_max: int = _COUNT_MAX, bytes_max: int = _BYTES_MAX) -> None:
        self.encode = encode
        self._count_max = count_max
        self._bytes_max = bytes_max
        self.restart(0)

    def restart(self, position: int) -> None:
        """Empties it; what it holds from now on begins behind `position`."""
        self.position = position
        self.floor = position
        self._entries: list[Entry] = []
        self._numbers: list[int] = []
        self._gone = 0  # of the entries at the front, which go together once they are many
        self._bytes = 0
        self._chunks: dict[tuple[EventFilter, int], tuple[bytes, int]] = {}

    def extend(self, entries: Sequence[Entry]) -> None:
        """Takes in what comes next in the log, and lets go of the oldest beyond the bounds."""
        self._entries += entries
        self._numbers += [entry.event.seq for entry in entries]
        self._bytes += sum(entry.size for entry in entries)
        self.position = self._numbers[-1]
        self._chunks.clear()
        while len(self._entries) - self._gone > self._count_max or self._bytes > self._bytes_max:
            self._bytes -= self._entries[self._gone].size
            self.floor = self._numbers[self._gone]
            self._gone += 1
        if self._gone > len(self._entries) // 2:
            del self._entries[: self._gone], self._numbers[: self._gone]
            self._gone = 0

    def covers(self, position: int) -> bool:
        """Whether everything behind `position` is here, or yet to come."""
        return position >= self.floor

    def chunk(self, wanted: EventFilter, after: int) -> tuple[bytes, int]:
        """The next wanted events behind `after`, which must be covered, joined; and the position that they lead to.

        About 64 KiB at most, or one event. The same answer is made once for all who ask for it.
        """
        key = (wanted, after)
        found = self._chunks.get(key)
        if found is None:
            found = self._join(wanted, after)
            if len(self._chunks) >= _SHARED_CHUNKS:
                del self._chunks[next(iter(self._chunks))]
            self._chunks[key] = found
        return found

    def _join(self, wanted: EventFilter, after: int) -> tuple[bytes, int]:
        frames: list[bytes] = []
        size = 0
        for index in range(bisect_right(self._numbers, after, self._gone), len(self._entries)):
            entry = self._entries[index]
            if wanted.takes(entry.event, entry.user_email, entry.status):
                frame = entry.frame(self.encode)
                if frames and size + len(frame) > _CHUNK_BYTES:
                    return b"".join(frames), self._numbers[index - 1]
                frames.append(frame)
                size += len(frame)
        return b"".join(frames), max(after, self.position)
