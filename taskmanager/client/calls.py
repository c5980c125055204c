"""One call of the interface: a request by its parts, and its answer in its form."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from taskmanager.client.errors import UnexpectedAnswer
from taskmanager.client.queries import parameters
from taskmanager.client.transport import IDEMPOTENCY_KEY, Answer, Request, Transport

_T = TypeVar("_T")

_SUCCESS = frozenset({200, 201, 202, 204})


class Calls:
    """Makes calls over a transport; everything raises a `TaskManagerError`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def sleep(self, seconds: float) -> None:
        """Waits as the pauses between tries do."""
        await self._transport.retrying.sleep(seconds)

    async def read(
        self,
        path: str,
        form: type[_T],
        query: Mapping[str, object] | None = None,
        *,
        also: frozenset[int] = frozenset(),
    ) -> _T:
        """What is at a path; `also` are statuses of failures whose body has the form, too."""
        request = Request("GET", path, parameters(query or {}), accepts=_SUCCESS | also)
        return decoded(await self._transport.send(request), form)

    async def change(
        self,
        method: str,
        path: str,
        form: type[_T],
        body: object = msgspec.UNSET,
        *,
        query: Mapping[str, object] | None = None,
        if_match: int | None = None,
        is_keyed: bool = True,
    ) -> _T:
        """The answer to a change; keyed, it takes effect once however often it has to be sent."""
        headers: dict[str, str] = {IDEMPOTENCY_KEY: str(uuid4())} if is_keyed else {}
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        encoded = None if body is msgspec.UNSET else msgspec.json.encode(body)
        request = Request(method, path, parameters(query or {}), encoded, headers, _SUCCESS)
        return decoded(await self._transport.send(request), form)


def decoded(answer: Answer, form: type[_T]) -> _T:
    """The body in its form, which is `None` for one that does not matter; raises `UnexpectedAnswer`."""
    if form is type(None):
        return None
    try:
        return msgspec.json.decode(answer.body, type=form)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(f"the answer is not what was asked for: {error}") from None


def given(**members: Any) -> dict[str, Any]:
    """The members that are not None."""
    return {name: value for name, value in members.items() if value is not None}
