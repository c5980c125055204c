"""The API is killed under load, again and again: no answer is lost, and no request takes effect twice."""

import signal
import socket
from collections.abc import Callable

import pytest

from .posting import Posting
from .transactions import backends, ports_in_transaction, tasks_held
from .waiting import until
from .world import World

KILLS = 8
CALLERS = 24
ANSWERS_BETWEEN = 100


@pytest.mark.timeout(300)
def test_answers_outlive_the_process_and_requests_without_one_are_safe_to_send_again(
    world: World, tell: Callable[[str], None]
) -> None:
    port = str(_free_port())
    api = world.start("api", APP_PORT=port)
    with Posting(int(port), CALLERS) as callers:
        for number in range(KILLS):
            enough = callers.answers() + ANSWERS_BETWEEN
            until(lambda enough=enough: callers.answers() >= enough, "answers", 60)
            before = len(callers.unanswered)
            with tasks_held(world):
                ports = until(lambda api=api: ports_in_transaction(world, api), "a transaction caught halfway")
                api.kill()
                assert api.wait(0) == -signal.SIGKILL
                if number % 2:  # the server sees that its client is gone; else it goes on to COMMIT
                    until(lambda ports=ports: not backends(world, ports), "the end of the transaction")
            until(lambda before=before: len(callers.unanswered) > before, "requests without an answer")
            api = world.start("api", APP_PORT=port)

    kept = dict(world.database.run("select key, response -> 'headers' ->> 'Location' from idempotency_keys"))
    tasks = {f"/api/tasks/{task_id}" for (task_id,) in world.database.run("select id::text from web_crawl_tasks")}
    assert callers.answered == kept
    assert set(callers.answered.values()) == tasks
    assert callers.unanswered <= callers.answered.keys()
    assert world.verify()["events"] == len(callers.answered)
    tell(f"{KILLS} kills in mid-transaction, {len(tasks):,} tasks, {len(callers.unanswered)} requests sent again,")
    tell(f"{len(callers.unanswered & callers.replayed)} of which had taken effect")
    assert api.is_alive


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
