"""A plain connection for one-shot commands, made as soon as the server takes it."""

from collections.abc import Mapping
from time import monotonic, sleep
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its class in lower case

_PAUSE = 0.5
# What a server says while it starts, stops, recovers or is full; any other FATAL (password, database) stays.
_PASSING = ("the database system is", "too many clients", "remaining connection slots")


class NotConnected(Exception):  # noqa: N818 - reads as the sentence it stands in
    """The server is not there, or does not let us in; the text tells which."""

    def __init__(self, problem: str, *, is_final: bool) -> None:
        super().__init__(problem)
        self.is_final = is_final


def connect_when_ready(arguments: Mapping[str, Any], *, wait: float) -> Connection:
    """Connects with these arguments of `psycopg2.connect`, trying for up to `wait` seconds; raises `NotConnected`."""
    deadline = monotonic() + wait
    while True:
        try:
            connection: Connection = psycopg2.connect(**arguments)
        except psycopg2.OperationalError as error:
            problem = " ".join(str(error).split())
        else:
            return connection
        is_final = "FATAL:" in problem and not any(passing in problem for passing in _PASSING)
        if is_final or monotonic() >= deadline:
            raise NotConnected(problem, is_final=is_final)
        sleep(min(_PAUSE, max(deadline - monotonic(), 0.0)))
