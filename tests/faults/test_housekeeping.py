"""Outages longer than every time-out: what waits in Kafka is read before anything is declared dead."""

from collections.abc import Callable
from signal import SIGINT, SIGKILL
from time import monotonic
from uuid import uuid4

import pytest

from .programs import Program
from .servers import PrivateStack
from .traffic import report, request
from .waiting import until
from .world import World

TASK_TIMEOUT, TTL = 3, 2
# Longer than every limit, and than the housekeeper waits for consumers that are behind.
OUTAGE_SECONDS = 10
LIMITS = {
    "TASK_TIMEOUT": str(TASK_TIMEOUT),
    "TASK_HEARTBEAT_TIMEOUT": "2",
    "PARKED_STATUS_TTL": str(TTL),
    "TASK_MAX_ATTEMPTS": "2",
    "TASK_RETRY_BACKOFF": "0",
    "HOUSEKEEPING_INTERVAL": "0.1",
}
TASKS = 400
UNHEARD = 100

_IN_DATABASE = "select extract(epoch from now() - max(updated_at)) from web_crawl_tasks"
_SHORTEST = """select extract(epoch from min(done.recorded_at - begun.recorded_at))
    from task_events begun join task_events done using (task_id)
    where begun.type = 'TaskStarted' and done.type = 'TaskCompleted'"""


class Crawls:
    """Tasks that workers have begun, and reports that came before the requests that they belong to."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.begun = [str(uuid4()) for _ in range(TASKS)]
        self.unheard = [str(uuid4()) for _ in range(UNHEARD)]

    def begin(self) -> None:
        """Returns when the service has taken all this in; the leases run from then on."""
        world = self._world
        world.send([request(world.requests, task, number) for number, task in enumerate(self.begun)])
        world.send([report(world.status, task, "started", {"worker": "w"}) for task in self.begun])
        world.send([report(world.status, task, "completed", {"result": "early"}) for task in self.unheard])
        world.await_settled()
        assert world.database.value("select count(*) from web_crawl_tasks where status = 'in_progress'") == TASKS
        assert world.database.value("select count(*) from parked_statuses") == UNHEARD

    def end(self) -> None:
        """The final reports, and the requests that were missing."""
        world = self._world
        world.send([report(world.status, task, "completed", {"result": "done"}) for task in self.begun])
        world.send([request(world.requests, task, number) for number, task in enumerate(self.unheard)])

    def verify_all_completed(self) -> None:
        """Nobody was given up, no report has expired, and history is whole."""
        world = self._world
        world.await_settled()
        assert world.database.run("select status::text, attempt, count(*) from web_crawl_tasks group by 1, 2") == [
            ("completed", 1, TASKS + UNHEARD)
        ]
        assert world.database.value("select count(*) from task_events where actor = 'housekeeper'") == 0
        assert world.database.value("select count(*) from dead_letters") == 0
        assert world.database.value("select count(*) from parked_statuses") == 0
        world.verify()


def start_housekeeper(world: World) -> Program:
    """One that leads."""
    housekeeper = world.start("housekeeper", **LIMITS)
    until(lambda: housekeeper.events("housekeeper_leads"), "it leads")
    return housekeeper


@pytest.mark.parametrize("reported", ["at the beginning of the outage", "after every time-out"])
def test_after_the_consumers_were_away_reports_in_kafka_are_read_before_anybody_is_given_up(
    world: World, tell: Callable[[str], None], reported: str
) -> None:
    consumer = world.start("consumer")
    crawls = Crawls(world)
    crawls.begin()
    consumer.kill()
    housekeeper = None
    if reported == "at the beginning of the outage":
        crawls.end()
        housekeeper = start_housekeeper(world)
    until(lambda: world.database.value(_IN_DATABASE) > OUTAGE_SECONDS, "every time-out to pass", 30)
    if housekeeper is None:
        crawls.end()
        housekeeper = start_housekeeper(world)
    world.start("consumer")

    crawls.verify_all_completed()
    shortest = world.database.value(_SHORTEST)
    assert shortest > OUTAGE_SECONDS > max(TASK_TIMEOUT, TTL)
    assert housekeeper.is_alive
    tell(f"consumers away; the shortest task took {shortest:.1f} s of at most {TASK_TIMEOUT}")
    verify_that_a_stuck_task_is_given_up(world)


@pytest.mark.timeout(400)
def test_after_postgresql_was_away_reports_in_kafka_are_read_before_anybody_is_given_up(
    breakable_world: World, private_stack: PrivateStack, tell: Callable[[str], None]
) -> None:
    world = breakable_world
    world.start("consumer")
    crawls = Crawls(world)
    # Not to be given up before the outage, however slow the machine is: so the housekeeper comes last.
    crawls.begin()
    private_stack.stop("PostgreSQL", SIGINT)
    began = monotonic()
    housekeeper = world.start("housekeeper", **LIMITS)
    crawls.end()
    until(lambda: monotonic() - began > OUTAGE_SECONDS, "every time-out to pass", 30)
    private_stack.up()
    until(lambda: housekeeper.events("housekeeper_leads"), "it leads")

    crawls.verify_all_completed()
    shortest = world.database.value(_SHORTEST)
    assert shortest > OUTAGE_SECONDS > max(TASK_TIMEOUT, TTL)
    tell(f"PostgreSQL away; the shortest task took {shortest:.1f} s of at most {TASK_TIMEOUT}")
    verify_that_a_stuck_task_is_given_up(world)


def verify_that_a_stuck_task_is_given_up(world: World) -> None:
    """The counter-proof: the same housekeeper does its work where nothing waits."""
    stuck, unheard = str(uuid4()), str(uuid4())
    world.send([request(world.requests, stuck, 1)])
    for attempt in (1, 2):
        started = report(world.status, stuck, "started", {"worker": "w"})
        world.send([started._replace(headers=[*started.headers, ("attempt", str(attempt).encode())])])
        ended = "select count(*) from task_events where task_id = %s and actor = 'housekeeper'"
        until(lambda: world.database.value(ended, (stuck,)) == attempt, f"the end of attempt {attempt}")  # noqa: B023
    late = report(world.status, stuck, "completed", {"result": "late"})
    world.send(
        [late._replace(headers=[*late.headers, ("attempt", b"1")]), report(world.status, unheard, "started", {})]
    )
    world.await_read(world.sender.stored)
    until(lambda: world.database.value("select count(*) from dead_letters"), "a report that expires")

    types = world.database.run("select type from task_events where task_id = %s order by version", (stuck,))
    assert [kind for (kind,) in types] == ["TaskCreated", "TaskStarted", "TaskRetried", "TaskStarted", "TaskFailed"]
    assert world.database.run("select task_id::text, reason from refused_reports") == [(stuck, "stale_attempt")]
    assert world.database.run("select task_id::text, reason from dead_letters") == [(unheard, "unknown_task")]
    world.verify()


def test_when_the_housekeeper_at_work_is_killed_another_takes_over(world: World, tell: Callable[[str], None]) -> None:
    first = start_housekeeper(world)
    second = world.start("housekeeper", **LIMITS)
    until(lambda: second.events("housekeeper_stands_by"), "the second one waits")
    assert not second.events("housekeeper_leads")
    first.send(SIGKILL)
    killed = monotonic()
    until(lambda: second.events("housekeeper_leads"), "the second one leads", 5)
    tell(f"another housekeeper at work after {monotonic() - killed:.2f} s")
