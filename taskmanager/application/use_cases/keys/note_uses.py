"""Keeps when API keys were last used, now and then."""

import asyncio
from contextlib import suppress
from datetime import datetime

import structlog

from taskmanager.application.api_keys import KeyFinder
from taskmanager.application.ports import StoreError

_log = structlog.get_logger(__name__)

_INTERVAL_SECONDS = 60.0
_LAST_SECONDS = 2.0


class NoteUses:
    """Gathers uses and writes them together; a process that dies takes those of the last interval with it."""

    def __init__(self, finder: KeyFinder, *, interval_seconds: float = _INTERVAL_SECONDS) -> None:
        self._finder = finder
        self._interval = interval_seconds
        self._used_at: dict[str, datetime] = {}

    def used(self, key_id: str, at: datetime) -> None:
        """The key was used at this time."""
        self._used_at[key_id] = at

    async def write(self) -> None:
        """Writes what was gathered; keeps it for later where that fails."""
        used_at, self._used_at = self._used_at, {}
        if not used_at:
            return
        try:
            await self._finder.note_uses(used_at)
        except StoreError as error:
            _log.info("uses of API keys not kept yet", error=str(error))
            self._used_at = used_at | self._used_at

    async def run(self, stopped: asyncio.Event) -> None:
        """Writes again and again until `stopped`, and a last time then, if that is soon done."""
        while not stopped.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await stopped.wait()
                    break
            await self.write()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await self.write()
