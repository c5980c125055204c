"""Waiting for what goes on in the background, and candidates for the office of the relay."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.fakes.relay_stage import Stage


@pytest.fixture
def until() -> Callable[[Callable[[], object]], object]:
    """Waits for a condition, for five seconds at most."""

    async def wait(holds: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110 - whatever it is, not all of it has an event
                await asyncio.sleep(0.001)

    return wait


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """An office and its candidates, who are stopped in the end."""
    stage = Stage()
    yield stage
    for candidate in stage.candidates:
        candidate.stopping.set()
        candidate.publisher.gate.set()
        await candidate.publisher.close()
        candidate.running.cancel()
        await asyncio.gather(candidate.running, return_exceptions=True)
