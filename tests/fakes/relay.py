"""Kafka and the history of tasks as the relay sees them, in memory; and events as the log holds them."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

import orjson

from taskmanager.application.chunks import Chunk
from taskmanager.application.event_log import LoggedEvent
from taskmanager.application.outbound import Outbound, PublisherClosed, PublisherFenced
from taskmanager.application.published_letters import LetterTopic, UnpublishedLetter
from taskmanager.domain.events import TaskCreated, TaskEvent
from taskmanager.infrastructure.postgres.copying import created_data, event_data
from tests.builders import at


def log_entry(seq: int, event: TaskEvent, **changes: object) -> LoggedEvent:
    """An event as the log holds it under this number."""
    content = created_data(event) if isinstance(event, TaskCreated) else event_data(event)
    entry = LoggedEvent(
        seq=seq,
        task_id=str(event.task_id),
        version=event.version,
        type=type(event).__name__,
        attempt=event.attempt,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        data=orjson.dumps(content).decode() if content else None,
        correlation_id=event.correlation_id if isinstance(event, TaskCreated) else None,
        actor=None,
        source_topic=None,
        source_partition=None,
        source_offset=None,
        traceparent=None,
        tracestate=None,
    )
    return entry._replace(**changes)


def log_entries(events: Iterable[TaskEvent]) -> list[LoggedEvent]:
    """Events with numbers from 1 on."""
    return [log_entry(seq, event) for seq, event in enumerate(events, start=1)]


class InMemoryHistories:
    """Implements `TaskHistories` over a list of events; answers at most `tasks_max` tasks, and keeps what was asked."""

    def __init__(self, entries: Sequence[LoggedEvent], tasks_max: int = 1000) -> None:
        self.entries = entries
        self.tasks_max = tasks_max
        self.asked: list[Mapping[str, int]] = []

    async def before(self, versions: Mapping[str, int]) -> Sequence[LoggedEvent]:
        """See `TaskHistories.before`."""
        self.asked.append(dict(versions))
        found = []
        for task_id, version in list(versions.items())[: self.tasks_max]:
            past = [entry for entry in self.entries if entry.task_id == task_id and entry.version < version]
            found += sorted(past, key=lambda entry: entry.version)
        return found


class Broker:
    """What publishers share: a topic, and which publisher is the youngest."""

    def __init__(self) -> None:
        self.chunks: list[list[Outbound]] = []
        self.journal: list[str] = []
        self.youngest: InMemoryPublisher | None = None

    @property
    def messages(self) -> list[Outbound]:
        """Everything that can be read, in order."""
        return [message for chunk in self.chunks for message in chunk]

    @property
    def keys(self) -> list[str | bytes | None]:
        """Their keys."""
        return [message.key for message in self.messages]


class InMemoryPublisher:
    """Implements `EventPublisher`; a closed `gate` holds up what is published, `failures` are raised first."""

    def __init__(self, broker: Broker, message_max_bytes: int = 1_000_000) -> None:
        self.message_max_bytes = message_max_bytes
        self.broker = broker
        self.failures: list[Exception] = []
        self.away: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = 0
        self._is_open = False
        self._closed = asyncio.Event()

    async def reach(self) -> None:
        """See `EventPublisher.reach`; raises `away`."""
        if self.away is not None:
            raise self.away

    async def open(self) -> None:
        """See `EventPublisher.open`."""
        self._closed.clear()
        await self._pass_gate()
        self.broker.youngest = self
        self._is_open = True
        self.broker.journal.append("opened")

    async def publish(self, messages: Sequence[Outbound]) -> None:
        """See `EventPublisher.publish`."""
        if not self._is_open:
            raise PublisherClosed("not open")
        self.under_way += 1
        try:
            await self._pass_gate()
            if self.failures:
                raise self.failures.pop(0)
            if self.broker.youngest is not self:
                raise PublisherFenced("a younger one publishes")
            self.broker.chunks.append(list(messages))
        except Exception:
            self._is_open = False
            raise
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        """See `EventPublisher.close`."""
        self._is_open = False
        self._closed.set()
        self.broker.journal.append("closed")

    async def _pass_gate(self) -> None:
        while True:
            gate, closed = asyncio.create_task(self.gate.wait()), asyncio.create_task(self._closed.wait())
            try:
                await asyncio.wait({gate, closed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                gate.cancel()
                closed.cancel()
            if self.gate.is_set() or self._closed.is_set():  # it may have been closed again meanwhile
                break
        if self._closed.is_set():
            raise PublisherClosed("closed while it worked")


class RecordingMetrics:
    """Implements every port of metrics that the relay has."""

    def __init__(self) -> None:
        self.chunks: list[int] = []
        self.leaders: list[bool] = []
        self.steps_down: list[str] = []
        self.letters: list[tuple[str, int]] = []
        self.delays: list[str] = []
        self.progress: list[tuple[int, int]] = []

    def published(self, chunk: Chunk, seconds: float) -> None:
        """Counts a chunk."""
        assert seconds >= 0
        self.chunks.append(len(chunk.messages))

    def leads(self, is_leader: bool) -> None:
        """Notes who leads."""
        self.leaders.append(is_leader)

    def stepped_down(self, reason: str) -> None:
        """Notes why a term ended."""
        self.steps_down.append(reason)

    def letters_published(self, topic: str, count: int) -> None:
        """Counts letters."""
        self.letters.append((topic, count))

    def letters_delayed(self, reason: str) -> None:
        """Counts failed tries."""
        self.delays.append(reason)

    def progressed(self, position: int, last_event: int) -> None:
        """Notes how far the relay is."""
        self.progress.append((position, last_event))


def letter(number: int, **changes: object) -> UnpublishedLetter:
    """A dead letter from the offset of its number."""
    unpublished = UnpublishedLetter(
        number, "malformed_json", "no JSON", "requests", 0, number, at(0), b"key", b"value", [("id", b"x")]
    )
    return unpublished._replace(**changes)


class InMemoryOutbox:
    """Implements `LetterOutbox`; `epoch` is that of the present term."""

    def __init__(self, *letters: UnpublishedLetter, epoch: int = 1) -> None:
        self.waiting = {each.id: each for each in letters}
        self.epoch = epoch
        self.looks = 0

    async def unpublished(self, limit: int, left_out: Collection[str]) -> Sequence[UnpublishedLetter]:
        """See `LetterOutbox.unpublished`."""
        self.looks += 1
        found: list[UnpublishedLetter] = []
        for topic in sorted({each.topic for each in self.waiting.values()} - set(left_out)):
            found += sorted(each for each in self.waiting.values() if each.topic == topic)[:limit]
        return found

    async def settle(self, ids: Sequence[int], epoch: int) -> bool:
        """See `LetterOutbox.settle`."""
        if epoch != self.epoch:
            return False
        for number in ids:
            del self.waiting[number]
        return True


class InMemoryLetterPublisher:
    """Implements `LetterPublisher`; `refusals` says what is wrong with a message of a key, `failure` with all."""

    def __init__(self, *topics: LetterTopic) -> None:
        self.topics = {topic.name: topic for topic in topics}
        self.sent: list[Outbound] = []
        self.refusals: dict[bytes, str] = {}
        self.failure: Exception | None = None
        self.closed = 0

    async def describe(self, topic: str) -> LetterTopic | None:
        """See `LetterPublisher.describe`."""
        if self.failure is not None:
            raise self.failure
        return self.topics.get(topic)

    async def publish(self, messages: Sequence[Outbound]) -> Sequence[str | None]:
        """See `LetterPublisher.publish`."""
        problems = [self.refusals.get(message.key or b"") for message in messages]  # type: ignore[arg-type]
        self.sent += [message for message, problem in zip(messages, problems, strict=True) if problem is None]
        return problems

    def close(self) -> None:
        """See `LetterPublisher.close`."""
        self.closed += 1
