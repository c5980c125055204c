"""Publishes dead letters, each at least once, without ever holding up the events."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from time import monotonic
from typing import Protocol

import structlog

from taskmanager.application.leadership import LeadershipLost
from taskmanager.application.outbound import PublishFailed
from taskmanager.application.ports import StoreError
from taskmanager.application.published_letters import EncodeLetter, LetterOutbox, LetterPublisher, UnpublishedLetter
from taskmanager.application.waiting import is_set_within

log = structlog.get_logger(__name__)

_AT_A_TIME = 100
_LOOK_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


class LetterMetrics(Protocol):
    """What is told of published letters."""

    def letters_published(self, topic: str, count: int) -> None: ...
    def letters_delayed(self, reason: str) -> None: ...


class RelayDeadLetters:
    """Looks for new letters every second; a topic that takes none is left alone for longer and longer.

    `topic_of` names the topic for the letters of a source topic; `epoch` is that of the leader's term.
    """

    def __init__(
        self,
        outbox: LetterOutbox,
        publisher: LetterPublisher,
        encode: EncodeLetter,
        topic_of: Callable[[str], str],
        metrics: LetterMetrics,
        *,
        epoch: int,
        stopping: asyncio.Event,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._encode = encode
        self._topic_of = topic_of
        self._metrics = metrics
        self._epoch = epoch
        self._stopping = stopping
        self._clock = clock
        self._delays: dict[str, tuple[float, float]] = {}  # by source topic: when to try again, and the pause before

    async def run(self) -> None:
        """Works until it is told to stop; raises `LeadershipLost`. Trouble with the store is waited for."""
        pause = _LOOK_SECONDS
        try:
            while not self._stopping.is_set():
                try:
                    if await self.publish_some():
                        continue
                    pause = _LOOK_SECONDS
                except StoreError as error:
                    pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                    self._metrics.letters_delayed("store")
                    log.warning("dead_letters_wait", reason="store", error=str(error), retry_seconds=pause)
                await is_set_within(self._stopping, pause)
        finally:
            # The next leader must not wait for a letter that does not arrive.
            self._publisher.close()

    async def publish_some(self) -> bool:
        """Publishes the oldest letters of every topic that takes them; whether there may be more right now."""
        now = self._clock()
        delayed = [topic for topic, (until, _) in self._delays.items() if until > now]
        letters = await self._outbox.unpublished(_AT_A_TIME, delayed)
        arrived = 0
        for topic, of_topic in groupby(letters, attrgetter("topic")):
            arrived += await self._publish(topic, list(of_topic))
        return arrived > 0

    async def _publish(self, topic: str, letters: Sequence[UnpublishedLetter]) -> int:
        """How many have arrived."""
        target = self._topic_of(topic)
        try:
            described = await self._publisher.describe(target)
            if described is None:
                self._delay(topic, "missing_topic", f"there is no topic {target}; create it")
                return 0
            problems = await self._publisher.publish([self._encode(letter, described) for letter in letters])
        except PublishFailed as error:
            self._delay(topic, "unavailable", str(error))
            return 0
        arrived = [letter.id for letter, problem in zip(letters, problems, strict=True) if problem is None]
        if arrived:
            if not await self._outbox.settle(arrived, self._epoch):
                raise LeadershipLost("another term has begun")
            self._metrics.letters_published(target, len(arrived))
        failed = next((problem for problem in problems if problem is not None), None)
        if failed is None:
            self._delays.pop(topic, None)
        else:
            self._delay(topic, "refused", failed)
        return len(arrived)

    def _delay(self, topic: str, reason: str, problem: str) -> None:
        _, before = self._delays.get(topic, (0.0, _LOOK_SECONDS / 2))
        pause = min(before * 2, _LONGEST_PAUSE_SECONDS)
        self._delays[topic] = self._clock() + pause, pause
        self._metrics.letters_delayed(reason)
        log.warning("dead_letters_wait", source_topic=topic, reason=reason, error=problem, retry_seconds=pause)
