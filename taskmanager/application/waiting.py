"""Waiting that ends early."""

import asyncio


async def is_set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Waits for the event, at most so long; whether it came.

    `asyncio.wait_for` would do, but in Python 3.11 it swallows a cancellation that comes together with the event
    (python/cpython#86296).
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
