"""Room is asked for once a minute, and its want is no reason to stop."""

import pytest
from structlog.testing import capture_logs

from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases.make_room import MakeRoom
from tests.fakes.clock import FixedClock


class Log:
    """Makes one partition a call, or fails."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False

    async def make_room(self) -> int:
        self.asked += 1
        if self.fails:
            raise StoreUnavailable("somebody holds the lock", kind="55")
        return 1


async def test_room_is_asked_for_once_a_minute_however_often_it_is_called() -> None:
    log, clock = Log(), FixedClock()
    make_room = MakeRoom(log, clock)
    made = []
    for _ in range(3):
        made += [await make_room(), await make_room()]
        clock.pass_seconds(30)

    assert made == [1, 0, 0, 0, 1, 0]


async def test_a_failure_is_told_and_stops_nobody_for_a_minute() -> None:
    log, clock = Log(), FixedClock()
    make_room = MakeRoom(log, clock)
    log.fails = True
    with capture_logs() as lines:
        for _ in range(61):
            await make_room.try_to()
            clock.pass_seconds(1)

    assert log.asked == 2
    assert [line["event"] for line in lines] == ["no_room_made_trying_again_later"] * 2


async def test_the_rule_of_that_name_learns_of_a_failure() -> None:
    log = Log()
    log.fails = True
    with pytest.raises(StoreUnavailable):
        await MakeRoom(log, FixedClock())()
