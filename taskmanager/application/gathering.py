"""Lets those who wait at the same moment share one look-up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Gathering(Generic[Key, Answer]):
    """One look-up at a time; whoever asks meanwhile is answered by the next one, `most` keys at a time.

    While no more than `most` wait nobody waits longer than for two look-ups, and who comes alone does not wait at all.
    A look-up that fails fails for all who share it; a caller who goes away takes nobody's answer along.
    """

    def __init__(self, look_up: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Answer]]], *, most: int) -> None:
        self._look_up = look_up
        self._most = most
        self._waiting: list[tuple[Key, asyncio.Future[Answer | None]]] = []
        self._round: asyncio.Task[None] | None = None

    async def get(self, key: Key) -> Answer | None:
        """What the look-up answers for this key, None for nothing; raises what it raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer | None] = loop.create_future()
        self._waiting.append((key, future))
        if self._round is None:
            # A task begins in the loop's next turn: requests that came in this one are part of it.
            self._round = loop.create_task(self._run(), name="gathering")
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                share, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                # Those who gave up meanwhile need no answer.
                share = [(key, future) for key, future in share if not future.done()]
                if share:
                    await self._answer(share)
        finally:
            self._round = None

    async def _answer(self, share: Sequence[tuple[Key, asyncio.Future[Answer | None]]]) -> None:
        try:
            answers = await self._look_up(list(dict.fromkeys(key for key, _ in share)))
        except BaseException as error:
            for _, future in share:
                if not future.done():
                    # One that is raised in several places at once would collect all of their tracebacks.
                    future.set_exception(_copy(error))
            if not isinstance(error, Exception):
                raise
            return
        for key, future in share:
            if not future.done():
                future.set_result(answers.get(key))


def _copy(error: BaseException) -> BaseException:
    try:
        twin = type(error)(*error.args)
    except TypeError:
        return error
    twin.__dict__.update(error.__dict__)
    twin.__cause__ = error
    return twin
