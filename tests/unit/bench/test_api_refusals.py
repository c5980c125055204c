"""No server is measured that looks less closely than it has to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from loadtests.bench.api.refusals import cases, check_refusals

_TOKEN = "token-of-the-bench"


@asynccontextmanager
async def _answering(status: Callable[[int], int]) -> AsyncIterator[int]:
    """The port of a server that answers its n-th connection with `status(n)`."""
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        number, served = served, served + 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d Word\r\nContent-Length: 0\r\n\r\n" % status(number))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_server_that_takes_everything_is_told_what_it_took() -> None:
    async with _answering(lambda _: 201) as port:
        with pytest.raises(RuntimeError, match="lenient does not refuse") as caught:
            await asyncio.to_thread(check_refusals, "lenient", port, _TOKEN)

    problem = str(caught.value)
    assert all(f"{case.what}: status 201" in problem for case in cases(_TOKEN))


async def test_a_server_that_refuses_everything_as_it_should_passes() -> None:
    tried = list(cases(_TOKEN))

    async with _answering(lambda number: max(tried[number].statuses)) as port:
        assert await asyncio.to_thread(check_refusals, "strict", port, _TOKEN) == len(tried)


async def test_a_server_that_lets_in_a_wrong_token_is_found_out() -> None:
    tried = list(cases(_TOKEN))
    at = next(number for number, case in enumerate(tried) if case.what == "a wrong token")

    async with _answering(lambda number: 201 if number == at else max(tried[number].statuses)) as port:
        with pytest.raises(RuntimeError, match=r"a wrong token: status 201$"):
            await asyncio.to_thread(check_refusals, "careless", port, _TOKEN)


def test_each_token_that_is_refused_differs_from_the_good_one() -> None:
    for case in cases(_TOKEN):
        assert (case.token == _TOKEN) == (case.statuses != {401})
