"""What statements cost, as the server tells."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from taskmanager.infrastructure.postgres.pool import PoolUsage
from taskmanager.infrastructure.postgres.session import Row
from tests.scratch import ScratchDatabase


class Cost(NamedTuple):
    """The most rows that a part of the plan has looked at, the pages it has touched, and the indexes that it used."""

    rows: float
    buffers: int
    indexes: frozenset[str]


class Explaining:
    """Implements `Reads`: runs statements, and keeps what each has cost."""

    def __init__(self, database: ScratchDatabase) -> None:
        self.costs: list[Cost] = []
        self._database = database

    async def fetch(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """See `Reads.fetch`."""
        # What the planner is told stands before the statement.
        told, _, query = statement.rpartition(";\n")
        explained = f"{told or 'select'};\nexplain (analyze, buffers, format json) {query}"
        ((plans,),) = self._database.run(explained, parameters)
        plan = plans[0]["Plan"]
        buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        self.costs.append(Cost(_rows(plan), buffers, frozenset(_indexes(plan))))
        return self._database.run(statement, parameters)

    def usage(self) -> PoolUsage:
        """See `Reads.usage`."""
        return PoolUsage(1, 0, 1)

    async def close(self) -> None:
        """See `Reads.close`."""


def _rows(plan: dict[str, Any]) -> float:
    removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    looked_at = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return max([looked_at, *(_rows(part) for part in plan.get("Plans", ()))])


def _indexes(plan: dict[str, Any]) -> list[str]:
    # A scan of a table without one is told by its own name.
    name = plan.get("Index Name", plan["Node Type"] if plan.get("Relation Name") else None)
    return [*([name] if name else []), *(index for part in plan.get("Plans", ()) for index in _indexes(part))]
