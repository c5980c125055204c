"""Transactions of programs that are caught halfway."""

from collections.abc import Iterator
from contextlib import contextmanager

from .programs import Program
from .world import World

_IN_TRANSACTION = """
select count(*) from pg_stat_activity
where client_port = any(%s) and backend_type = 'client backend' and backend_xid is not null
  and wait_event_type = 'Lock'
"""
_BACKENDS = "select count(*) from pg_stat_activity where client_port = any(%s) and backend_type = 'client backend'"


@contextmanager
def tasks_held(world: World) -> Iterator[None]:
    """Nobody can write a task while the block lasts."""
    with world.database.connected(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("lock table web_crawl_tasks in share mode")
        yield
        connection.rollback()


def ports_in_transaction(world: World, api: Program) -> list[int]:
    """The near ends of the program's connections, once one of them waits with a transaction half done."""
    ports = list(api.ports_to_database(world.database))
    return ports if _count(world, _IN_TRANSACTION, ports) else []


def backends(world: World, ports: list[int]) -> int:
    """How many of the server's ends of these connections are there."""
    return _count(world, _BACKENDS, ports)


def _count(world: World, statement: str, ports: list[int]) -> int:
    ((count,),) = world.database.run(statement, (ports,), role="superuser")
    return int(count)
