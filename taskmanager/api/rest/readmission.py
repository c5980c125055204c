"""Looks again, now and then, at whoever listens for long."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from taskmanager.api.rest.problems import Problem
from taskmanager.application.ports import StoreError

LOOK_AGAIN_SECONDS = 10.0
_NAME = "readmission"
_REFUSALS = frozenset({401, 403})


async def while_admitted(
    serving: Awaitable[web.StreamResponse],
    request: web.Request,
    admit: Callable[[], Awaitable[object]],
    seconds: float = LOOK_AGAIN_SECONDS,
) -> web.StreamResponse:
    """What `serving` answers; cuts the connection once `admit`, asked every so many seconds, refuses.

    A gate that cannot tell right now refuses nobody.
    """
    watch = asyncio.create_task(_cut_once_refused(request, admit, seconds), name=_NAME)
    try:
        return await serving
    finally:
        watch.cancel()


async def _cut_once_refused(request: web.Request, admit: Callable[[], Awaitable[object]], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await admit()
        except Problem as problem:
            if problem.status not in _REFUSALS:
                continue
            if request.transport is not None:
                request.transport.abort()
            return
        except StoreError:
            continue
