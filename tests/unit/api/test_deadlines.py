"""Work that takes too long is given up, and nothing else is."""

import asyncio

import pytest

from taskmanager.api.rest.deadlines import Deadlines


async def forever() -> None:
    await asyncio.Event().wait()


async def test_what_is_done_in_time_is_answered() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await Deadlines(5).keep(work()) == 7


async def test_what_takes_too_long_is_given_up_and_the_task_goes_on() -> None:
    deadlines = Deadlines(0.02)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await deadlines.keep(forever())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_many_at_once_each_have_their_own_time() -> None:
    deadlines = Deadlines(0.05)
    quick = asyncio.Event()
    slow = [asyncio.create_task(deadlines.keep(forever())) for _ in range(20)]
    waiting = asyncio.create_task(deadlines.keep(quick.wait()))
    await asyncio.sleep(0)
    quick.set()

    assert await waiting is True
    assert {type(error) for error in await asyncio.gather(*slow, return_exceptions=True)} == {TimeoutError}


async def test_a_cancellation_by_somebody_else_stays_one() -> None:
    deadlines = Deadlines(5)
    task = asyncio.create_task(deadlines.keep(forever()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_beside_the_deadline_is_not_swallowed() -> None:
    deadlines = Deadlines(0.02)

    async def stubborn() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            task.cancel()
            raise

    task = asyncio.create_task(deadlines.keep(stubborn()))
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_nothing_is_watched_while_there_is_no_work() -> None:
    deadlines = Deadlines(0.02)
    with pytest.raises(TimeoutError):
        await deadlines.keep(forever())
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, done.set_result, None)
    await done

    assert not deadlines._is_watching
    assert not deadlines._due
    assert not deadlines._overdue


async def test_an_error_of_the_work_is_its_own() -> None:
    async def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await Deadlines(5).keep(broken())
