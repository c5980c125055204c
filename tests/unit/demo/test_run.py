"""When a run is over, and what it says if it never is."""

import asyncio
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from taskmanager.programs.demo import settlement
from taskmanager.programs.demo.errors import DemoError
from taskmanager.programs.demo.options import Options
from taskmanager.programs.demo.progress import Progress
from taskmanager.programs.demo.run import Run
from taskmanager.programs.demo.workspace import Workspace

P = ("t", 0)
DONE = Progress(
    tasks={}, read={P: 10}, skipped={P: 3}, ends={P: 10}, dead_letters=0, parked=1, claimable=0, expired=0,
    last_event=7, published=7,
)  # fmt: skip


@dataclass
class FakePlayer:
    handed: int = 0
    in_flight: int = 0
    sent: int = 0


@dataclass
class ScriptedWatch:
    """Answers one look after the other; a function among them is what happens while one looks."""

    looks: list = field(default_factory=list)
    taken: int = 0

    async def look(self, phase, sent, retried):
        self.taken += 1
        look = self.looks.pop(0)
        return look() if callable(look) else look


class FakeListener:
    def __init__(self, *idle: bool) -> None:
        self._idle = list(idle)

    def idle(self, ends) -> bool:
        assert ends == DONE.ends
        return self._idle.pop(0)


def make_run(*looks, player: FakePlayer | None = None) -> Run:
    appliance = SimpleNamespace(error=DemoError)
    return Run(
        Options(once=True, workers=False), Workspace.fresh(), appliance, ScriptedWatch(list(looks)),
        player or FakePlayer(), None, "", asyncio.Event(),
    )  # fmt: skip


async def test_it_is_over_when_all_is_read_published_and_heard():
    run = make_run(replace(DONE, read={P: 9}), replace(DONE, published=6), None, DONE, DONE)
    run._listener = FakeListener(False, True)

    assert await run._settled() == DONE
    assert run.watch.taken == 5


async def test_what_is_sent_while_one_looks_is_not_among_what_was_seen():
    player = FakePlayer(handed=4)

    def send_meanwhile():
        player.handed += 1
        return DONE

    run = make_run(send_meanwhile, DONE, player=player)

    assert await run._settled() == DONE
    assert run.watch.taken == 2


async def test_what_is_on_its_way_to_kafka_when_one_looks_is_waited_for():
    player = FakePlayer(handed=4, in_flight=1)

    def arrives():
        player.in_flight = 0
        return DONE

    run = make_run(arrives, DONE, player=player)

    assert await run._settled() == DONE
    assert run.watch.taken == 2


async def test_a_stop_ends_the_waiting():
    run = make_run(replace(DONE, claimable=1))
    run.watch.looks = [lambda: run.stop.set() or replace(DONE, claimable=1)]

    assert await run._settled() is None


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (replace(DONE, published=4), "0 messages wait to be read, 0 parked reports to be applied, 3 events to be publ"),
        (None, "the database or Kafka does not answer"),
    ],
)
async def test_where_nothing_moves_it_says_what_is_waited_for(monkeypatch, progress, words):
    monkeypatch.setattr(settlement, "STALL_SECONDS", 0)

    with pytest.raises(DemoError, match=words):
        await make_run(progress)._settled()


@pytest.mark.parametrize("name", ["_playing", "_listening"])
async def test_a_part_that_fails_ends_the_run(name):
    async def fail():
        raise DemoError("gone")

    run = make_run(DONE)
    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    setattr(run, name, task)

    with pytest.raises(DemoError, match="gone"):
        await run._settled()
