"""Waiting for what goes on in the background."""

import asyncio
from collections.abc import Callable

import pytest


@pytest.fixture
def until() -> Callable[[Callable[[], object]], object]:
    """Waits for a condition, for five seconds at most."""

    async def wait(holds: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110 - whatever it is, not all of it has an event
                await asyncio.sleep(0.001)

    return wait
