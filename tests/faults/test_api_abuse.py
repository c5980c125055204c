"""What decent clients notice of clients that mean harm."""

import signal
import socket
from collections import Counter
from collections.abc import Callable
from uuid import uuid4

import psutil
import pytest

from loadtests.bench.abuse.attacks import SILENT_SOCKETS
from loadtests.bench.abuse.run import Plan, measure
from taskmanager.devstack.ports import choose

from .waiting import until
from .world import World

# Long enough for sockets that only dribble to be closed while they are being looked at.
HEADER_SECONDS = "2"
PLAN = Plan(rounds=3, seconds=2.0, lead_seconds=2.0)
# Only whether others are served at all is tested, on whatever machine; `bin/bench abuse` tells how well they are.
PROMPT_MS = 1000.0
MEMORY_MB = 150.0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.timeout(300)
def test_an_attack_costs_others_little_time_and_the_server_little_memory(
    world: World, tell: Callable[[str], None]
) -> None:
    port = choose()
    api = world.start("api", APP_PORT=str(port), HTTP_HEADER_TIMEOUT=HEADER_SECONDS, METRICS_ENABLED="false")
    until(lambda: listens(port), "the API listens")

    figures = measure(port, psutil.Process(api._process.pid), f"/api/tasks/{uuid4()}", PLAN, tell)

    for toll in figures.tolls:
        assert toll.silent_at_once == SILENT_SOCKETS
        assert toll.silent_opened > SILENT_SOCKETS, "none was closed while it was dribbling"
        statuses = {name: set(answers) for name, answers in toll.answers.items()}
        # An answer may be lost with a connection that is closed while its client goes on sending.
        assert {name: found - {"closed"} for name, found in statuses.items()} == {
            "hugeBody": {"413"}, "hugeChunks": {"413"}, "gzipBomb": {"415"}, "deepJson": {"413"},
            "lessDeepJson": {"400"},
        }  # fmt: skip
    seen = sum((Counter(window.answers) for window in [*figures.quiet, *figures.attacked]), Counter())
    assert set(seen) == {"404"}, "decent clients get their answers, all of them"

    document = figures.document()
    tell(str({name: document[name] for name in ("quiet", "attacked", "ratio", "memoryMb")}))
    assert document["attacked"]["p99Ms"] < PROMPT_MS
    assert figures.memory_peak - figures.memory_before < MEMORY_MB

    api.send(signal.SIGTERM)
    assert api.wait(30) == 0
