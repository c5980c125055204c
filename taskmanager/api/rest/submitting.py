"""Hands changes over, and tells callers why one had no effect."""

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.write_answers import response_of
from taskmanager.application.use_cases.writing.unit import Answer, KeyReused, Overloaded, Unit, UnitRefused

_RETRY_LATER: dict[str, str] = {hdrs.RETRY_AFTER: "1"}


class Submitting:
    """Waits for `submit`, which commits a unit; see `GroupCommit.submit`."""

    def __init__(self, submit: Callable[[Unit], Awaitable[Answer]]) -> None:
        self._submit = submit

    async def __call__(self, unit: Unit) -> web.Response:
        """The answer; raises a `Problem`, or a `StoreUnavailable`."""
        try:
            return response_of(await self._submit(unit))
        except Overloaded:
            raise Problem(503, "too many changes are waiting; try again", headers=_RETRY_LATER) from None
        except KeyReused as error:
            raise Problem(422, str(error)) from None
        except UnitRefused:
            raise Problem(422, "the database refuses a value of this request") from None
