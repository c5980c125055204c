"""supervisord's event listener protocol (http://supervisord.org/events.html): READY, an event, RESULT, READY …"""

import asyncio
from collections.abc import AsyncIterator, Callable

from taskmanager.programs.guard.verdict import StateChange

_STATE = "PROCESS_STATE_"


class ProtocolError(Exception):
    """supervisord sent something that is no event."""


async def state_changes(reader: asyncio.StreamReader, send: Callable[[bytes], object]) -> AsyncIterator[StateChange]:
    """The changes that supervisord reports, each acknowledged once it was handled; ends when supervisord is gone."""
    while True:
        send(b"READY\n")
        line = await reader.readline()
        if not line:
            return
        header = _tokens(line.decode())
        try:
            payload = (await reader.readexactly(int(header["len"]))).decode()
            name = header["eventname"]
        except asyncio.IncompleteReadError:
            return
        except (KeyError, ValueError):
            raise ProtocolError(f"no header of an event: {line!r}") from None
        if name.startswith(_STATE):
            data = _tokens(payload)
            yield StateChange(data["processname"], name.removeprefix(_STATE))
        send(b"RESULT 2\nOK")


def _tokens(line: str) -> dict[str, str]:
    return {key: value for key, _, value in (token.partition(":") for token in line.split())}
