"""Looks at the topics from time to time, beside the work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

# A topic that is made anew is read on at the old offset until it is seen: the driver does not tell.
_LOOK_SECONDS = 5.0


class Topic(Protocol):
    """What a topic says of itself."""

    @property
    def topic_id(self) -> str: ...
    @property
    def partitions(self) -> int: ...


Topics = Mapping[str, Topic]


class TopicWatch:
    """Tells when the topics are no longer those that are known; `look` answers None where Kafka does not."""

    def __init__(self, look: Callable[[], Awaitable[Topics | None]], clock: Callable[[], float] = monotonic) -> None:
        self._look = look
        self._clock = clock
        self._looked = clock()
        self._looking: asyncio.Task[Topics | None] | None = None

    def has_changed(self, known: Topics) -> bool:
        """Whether the last look has found other topics, ids or numbers of partitions; begins the next where it is due.

        Never waits. Raises what `look` has raised.
        """
        now = self._clock()
        if self._looking is None:
            if now - self._looked >= _LOOK_SECONDS:
                self._looked = now
                self._looking = asyncio.create_task(_awaited(self._look))
        elif self._looking.done():
            looking, self._looking = self._looking, None
            found = looking.result()
            if found is not None and _facts(found) != _facts(known):
                log.warning("topics_changed", before=_facts(known), now=_facts(found))
                return True
        return False

    async def close(self) -> None:
        """Ends a look that is under way."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)


async def _awaited(look: Callable[[], Awaitable[Topics | None]]) -> Topics | None:
    return await look()


def _facts(topics: Topics) -> dict[str, tuple[str, int]]:
    return {name: (topic.topic_id, topic.partitions) for name, topic in sorted(topics.items())}
