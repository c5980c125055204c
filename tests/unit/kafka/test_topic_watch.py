"""Looks at the topics that go on beside the work."""

import asyncio

import pytest

from taskmanager.api.kafka.topic_watch import TopicWatch
from tests.fakes.consumer import Seconds, others_run


async def test_a_look_that_breaks_is_not_swallowed() -> None:
    async def broken() -> None:
        raise RuntimeError("a bug")

    clock = Seconds()
    watch = TopicWatch(broken, clock)
    clock.now += 5
    watch.has_changed({})
    await others_run()
    with pytest.raises(RuntimeError, match="a bug"):
        watch.has_changed({})


async def test_closing_ends_a_look_that_hangs() -> None:
    ended = asyncio.Event()

    async def hanging() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    clock = Seconds()
    watch = TopicWatch(hanging, clock)
    clock.now += 5
    watch.has_changed({})
    await others_run()
    await watch.close()
    assert ended.is_set()
