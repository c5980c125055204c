"""What statements cost the server, by its own account."""

from collections.abc import Mapping
from contextlib import closing
from statistics import median
from time import perf_counter
from typing import Any, Self

import psycopg2

from taskmanager.infrastructure.postgres.pool import PoolUsage
from taskmanager.infrastructure.postgres.session import Row


class ServerTime:
    """Implements `Reads`: runs statements on one connection and adds up what planning and executing them took."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg2.connect(dsn)
        self._connection.autocommit = True
        self._server = 0.0
        self._call = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def taken(self) -> tuple[float, float]:
        """Milliseconds since the last time: on the server, and of a client that waits for the rows."""
        taken = self._server, self._call
        self._server = self._call = 0.0
        return taken

    async def fetch(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """See `Reads.fetch`."""
        # What the planner is told stands before the statement.
        told, _, query = statement.rpartition(";\n")
        with closing(self._connection.cursor()) as cursor:
            began = perf_counter()
            cursor.execute(statement, parameters)
            rows = cursor.fetchall()
            self._call += (perf_counter() - began) * 1000
            explain = f"explain (analyze, timing off, format json) {query}"
            cursor.execute(f"{told};\n{explain}" if told else explain, parameters)
            plan: dict[str, Any] = cursor.fetchall()[0][0][0]
            self._server += plan["Planning Time"] + plan["Execution Time"]
            return rows

    def usage(self) -> PoolUsage:
        """See `Reads.usage`."""
        return PoolUsage(1, 0, 1)

    async def close(self) -> None:
        """See `Reads.close`."""
        self._connection.close()


def medians(taken: list[tuple[float, float]]) -> dict[str, float]:
    """The middle of what `ServerTime.taken` answered."""
    server, call = zip(*taken, strict=True)
    return {"serverMs": round(median(server), 2), "callMs": round(median(call), 2)}
