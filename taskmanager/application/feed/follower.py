"""Follows the log from a position on, and finds out whose the events are."""

from collections.abc import Sequence

import structlog

from taskmanager.application.event_log import EventLogSource, HighWaterReader, LoggedEvent
from taskmanager.application.feed.log_end import refuse_beyond
from taskmanager.application.feed.model import DELETION, TaskFacts, status_after
from taskmanager.application.feed.ports import FeedStore
from taskmanager.application.feed.ring import Entry
from taskmanager.application.ports import StoreError

_PAGE = 1000
_KNOWN_MAX = 50_000

_log = structlog.get_logger(__name__)


class Follower:
    """Hands out each event behind `position` once, in order, as the high-water reader does, with its task's user."""

    def __init__(self, log: EventLogSource, store: FeedStore, position: int) -> None:
        self._log = log
        self._store = store
        self._position = position
        self._reader = HighWaterReader(log, position, limit=_PAGE)
        self._users: dict[str, str] = {}
        self._is_away = False

    async def next(self) -> Sequence[Entry] | None:
        """The next events, none if there are none yet; None while the database does not answer: ask again later.

        Raises `BeyondEnd` where the log has been replaced by one that has not come so far.
        """
        try:
            if self._is_away:
                # The server that is back may be another one, with less of the log.
                await refuse_beyond(self._store, self._position)
            entries = await self._owned(await self._reader.next())
        except StoreError as error:
            # What the reader has handed out and nobody was told must be read again.
            self._reader = HighWaterReader(self._log, self._position, limit=_PAGE)
            if not self._is_away:
                _log.warning("live streams wait for the database", error=str(error))
            self._is_away = True
            return None
        if self._is_away:
            _log.info("live streams go on", position=self._position)
        self._is_away = False
        if entries:
            self._position = entries[-1].event.seq
        return entries

    async def _owned(self, events: Sequence[LoggedEvent]) -> Sequence[Entry]:
        unknown = {event.task_id for event in events if event.task_id not in self._users or event.type == DELETION}
        facts = await self._store.facts(sorted(unknown)) if unknown else {}
        for task_id, known in facts.items():
            self._users[task_id] = known.user_email
        entries = [_entry(event, self._users.get(event.task_id), facts.get(event.task_id)) for event in events]
        while len(self._users) > _KNOWN_MAX:
            del self._users[next(iter(self._users))]
        return entries


def _entry(event: LoggedEvent, user_email: str | None, facts: TaskFacts | None) -> Entry:
    return Entry(event, user_email, status_after(event, facts))
