"""Which attempts are ended, and what is left of them."""

from collections.abc import Sequence
from datetime import timedelta

from taskmanager.application.use_cases.housekeeping.ingestion_clock import Hold, Reading
from taskmanager.application.use_cases.housekeeping.parked_reports import ParkedReports
from taskmanager.application.use_cases.housekeeping.stuck_tasks import StuckTasks
from taskmanager.domain.lease import Lease, RetryPolicy
from taskmanager.domain.status import TaskStatus
from tests.builders import task_id
from tests.fakes.clock import FixedClock
from tests.fakes.housekeeping import InMemoryHousekeeping
from tests.fakes.manager import Manager
from tests.fakes.messages import report, request
from tests.fakes.task_store import InMemoryTaskStore

_LEASE = Lease(timedelta(hours=1), timedelta(minutes=5))


def rule(
    tables: InMemoryHousekeeping, store: InMemoryTaskStore, clock: FixedClock, attempts: int = 3, **more: object
) -> StuckTasks:
    policy = RetryPolicy(attempts, timedelta(seconds=10), timedelta(minutes=10))
    return StuckTasks(tables, store, clock, _LEASE, policy, jitter=lambda: 1.5, **more)  # type: ignore[arg-type]


async def begun(manager: Manager, clock: FixedClock, tasks: int = 1) -> Reading:
    """Tasks whose workers have fallen silent; the clock when their leases end."""
    await manager.receive(*(request(id=task_id(n), offset=n - 1) for n in range(1, tasks + 1)))
    await manager.receive(*(report("started", id=task_id(n), offset=n - 1) for n in range(1, tasks + 1)))
    clock.pass_seconds(300)
    return Reading(clock.now(), clock.now())


async def test_the_next_attempt_begins_after_a_jittered_pause(
    manager: Manager, tables: InMemoryHousekeeping, store: InMemoryTaskStore, clock: FixedClock
) -> None:
    reading = await begun(manager, clock)

    assert (await rule(tables, store, clock).apply(reading)).effects == {"retried": 1, "failed": 0}
    assert manager.task.not_before == clock.now() + timedelta(seconds=15)
    assert manager.history == ["TaskCreated", "TaskStarted", "TaskRetried"]


async def test_a_heartbeat_between_the_look_and_the_lock_saves_the_task(
    manager: Manager, tables: InMemoryHousekeeping, store: InMemoryTaskStore, clock: FixedClock
) -> None:
    reading = await begun(manager, clock)

    def beat(step: str) -> None:
        if step == "load":
            store.contents.tasks[task_id()].start(at=clock.now(), now=clock.now())

    store.before = beat
    assert (await rule(tables, store, clock).apply(reading)).affected == 0
    assert manager.history == ["TaskCreated", "TaskStarted"]


async def test_a_row_that_the_database_refuses_keeps_none_of_the_others(
    manager: Manager, tables: InMemoryHousekeeping, store: InMemoryTaskStore, clock: FixedClock
) -> None:
    reading = await begun(manager, clock, tasks=9)
    store.refuses = {task_id(4)}

    assert (await rule(tables, store, clock).apply(reading)).effects == {"retried": 8, "failed": 0}
    assert manager.contents.tasks[task_id(4)].status is TaskStatus.IN_PROGRESS


async def test_how_long_a_task_took_that_failed_for_good_is_told(
    manager: Manager, tables: InMemoryHousekeeping, store: InMemoryTaskStore, clock: FixedClock
) -> None:
    told: list[tuple[TaskStatus, Sequence[float]]] = []
    reading = await begun(manager, clock)
    settled = rule(tables, store, clock, 1, settled=lambda status, seconds: told.append((status, seconds)))

    assert (await settled.apply(reading)).effects == {"retried": 0, "failed": 1}
    assert told == [(TaskStatus.ERROR, [360.0])], "from the worker's start, at noon by its clock"


async def test_after_kafka_was_away_workers_have_as_long_to_be_heard_again(
    manager: Manager, tables: InMemoryHousekeeping, store: InMemoryTaskStore, clock: FixedClock
) -> None:
    reading = await begun(manager, clock, tasks=2)
    hold = Hold(timedelta(minutes=4), clock.now())
    stuck = rule(tables, store, clock)
    early = reading._replace(hold=hold)

    assert (await stuck.apply(early)).affected == (await stuck.preview(early)).affected == 0
    assert "nobody is given up: Kafka was away or unread for 240 s" in await stuck.outlook(early)
    clock.pass_seconds(239)
    await manager.receive(report("started", id=task_id(1), offset=2))
    clock.pass_seconds(1)
    assert (await stuck.apply(Reading(clock.now(), clock.now(), None, hold))).effects == {"retried": 1, "failed": 0}
    assert manager.contents.tasks[task_id(1)].is_in_progress, "it was heard again"


async def test_after_kafka_was_away_parked_reports_have_as_long_to_meet_their_task(
    manager: Manager, tables: InMemoryHousekeeping, clock: FixedClock
) -> None:
    await manager.receive(report())
    tables.note_parked()
    parked = ParkedReports(tables, clock, timedelta(minutes=10))
    clock.pass_seconds(3600)
    hold = Hold(timedelta(hours=1), clock.now())
    early = Reading(clock.now(), clock.now(), None, hold)

    assert (await parked.apply(early)).affected == (await parked.preview(early)).affected == 0
    assert "no report expires: Kafka was away or unread for 3600 s" in await parked.outlook(early)
    clock.pass_seconds(600)
    assert (await parked.apply(Reading(clock.now(), clock.now(), None, hold))).effects == {"expired": 1}
