"""Of two API processes the one that is at an operation is killed in mid-transaction, again and again."""

import http.client
import json
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest

from .programs import Program
from .transactions import backends, ports_in_transaction, tasks_held
from .waiting import until
from .world import World

KILLS = 6
TASKS = 10_000
BATCH = 1000
_CHANGED = """
select count(*), count(distinct task_id), count(distinct actor) from task_events where type = 'TaskCancelled'
"""


@pytest.mark.timeout(300)
def test_every_task_is_changed_once_whichever_process_dies(world: World, tell: Callable[[str], None]) -> None:
    ports = [_free_port() for _ in range(2)]
    apis = {port: world.start("api", f"--slot={slot}", APP_PORT=str(port)) for slot, port in enumerate(ports)}
    until(lambda: _is_listening(ports[0]), "the first API")
    for first in range(0, TASKS, BATCH):
        _post(ports[0], "/api/tasks/batch", {"tasks": [_task(number) for number in range(first, first + BATCH)]}, 201)
    operation = _post(ports[0], "/api/tasks/bulk", {"action": "cancel", "filter": {"all": True}}, 202)["id"]
    for number in range(KILLS):
        with tasks_held(world):
            port, near_ends = until(lambda: _at_it(world, apis), "a transaction caught halfway")
            apis[port].kill()
            assert apis[port].wait(0) == -signal.SIGKILL
            if number % 2:  # the server sees that its client is gone; else it goes on to COMMIT
                until(lambda near_ends=near_ends: not backends(world, near_ends), "the end of the transaction")
        apis[port] = world.start("api", f"--slot={ports.index(port)}", APP_PORT=str(port))

    until(lambda: _operation(world, operation)[0] == "completed", "the end of the operation", 60)
    assert _operation(world, operation) == ("completed", TASKS, TASKS, 0)
    assert world.database.run(_CHANGED) == [(TASKS, TASKS, 1)]
    assert world.verify()["events"] == 2 * TASKS
    tell(f"{KILLS} kills in mid-transaction, {TASKS:,} tasks cancelled once each")


def _at_it(world: World, apis: dict[int, Program]) -> tuple[int, list[int]] | None:
    """The port of the process whose transaction waits, and the near ends of its connections."""
    for port, api in apis.items():
        if near_ends := ports_in_transaction(world, api):
            return port, near_ends
    return None


def _operation(world: World, operation: str) -> tuple[Any, ...]:
    (row,) = world.database.run(
        "select state, matched, changed, refused from bulk_operations where id = %s", (operation,)
    )
    return row


def _task(number: int) -> dict[str, str]:
    return {
        "userEmail": f"user{number % 7}@example.com",
        "userQuery": f"question {number}",
        "originalUrl": f"https://example.com/{number}",
    }


def _post(port: int, path: str, body: object, status: int) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.load(response)
    finally:
        connection.close()
    assert response.status == status, answer
    return answer


def _is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
