"""The event log as chunks of messages ready to be sent."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from taskmanager.application.event_log import HighWaterReader, LoggedEvent
from taskmanager.application.outbound import Outbound
from taskmanager.application.task_states import TaskStates
from taskmanager.domain.task import WebCrawlTask

EVENTS_MAX = 2500
_BYTES_MAX = 8 << 20
_STRETCH = 100
# So many events at once mean that there are more.
_MANY = 500

# The message that tells of an event, given the task as it left it (None where that is not known).
Encode = Callable[[LoggedEvent, WebCrawlTask | None], Outbound]


class Chunk:
    """Messages that are published as a whole; once they are, everything up to `position` has been."""

    __slots__ = ("messages", "oldest", "position", "size")

    def __init__(self, position: int) -> None:
        self.position = position
        self.messages: list[Outbound] = []
        self.size = 0
        self.oldest: LoggedEvent | None = None

    @property
    def has_room(self) -> bool:
        """Whether another message may be put in."""
        return len(self.messages) < EVENTS_MAX and self.size < _BYTES_MAX


class ChunkSource:
    """Reads on from where `reader` stands, and encodes what it reads."""

    def __init__(self, reader: HighWaterReader, states: TaskStates, encode: Encode) -> None:
        self._reader = reader
        self._states = states
        self._encode = encode
        self._ahead: deque[LoggedEvent] = deque()
        self._position = reader.position
        self._reading: asyncio.Task[Sequence[LoggedEvent]] | None = None

    async def gather(self, chunk: Chunk) -> int:
        """Puts in what has come since, as far as there is room; how many events. May raise a `StoreError`."""
        before = len(chunk.messages)
        if not self._ahead:
            await self._read()
        while self._ahead and chunk.has_room:
            self._encode_stretch(chunk)
            if self._ahead and chunk.has_room:
                if not self._states.knows(self._ahead[0]):
                    await self._states.recall(self._ahead)
                # Meanwhile the chunk before is being published: the next step must not wait for all of this.
                await asyncio.sleep(0)
        if not self._ahead:
            chunk.position = self._position
        return len(chunk.messages) - before

    async def close(self) -> None:
        """Ends what goes on in the background."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        """The next page; where more are to be expected, the one after it is fetched while this one is encoded."""
        reading, self._reading = self._reading, None
        page = await (reading or self._reader.next())
        self._ahead.extend(page)
        self._position = self._reader.position
        if len(page) >= _MANY:
            self._reading = asyncio.create_task(self._next_page())

    async def _next_page(self) -> Sequence[LoggedEvent]:
        return await self._reader.next()

    def _encode_stretch(self, chunk: Chunk) -> None:
        """Up to the first event whose task has to be looked up."""
        ahead, knows, after, encode = self._ahead, self._states.knows, self._states.after, self._encode
        for event in list(islice(ahead, _STRETCH)):
            if not chunk.has_room or not knows(event):
                break
            message = encode(event, after(event))
            ahead.popleft()
            chunk.messages.append(message)
            chunk.size += len(message.value or b"")
            chunk.position = event.seq
            if chunk.oldest is None:
                chunk.oldest = event
