"""Who must give way when there are too many connections."""

from taskmanager.api.rest.connection_table import ConnectionTable

from .stage import staged


class Fake:
    def __init__(self, peer: str = "192.0.2.1", *, idle_since: float = 0.0, is_idle: bool = True) -> None:
        self.peer = peer
        self.idle_since = idle_since
        self.is_idle = is_idle
        self.is_dropped = False

    def drop(self) -> None:
        self.is_dropped = True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def filled(table: ConnectionTable[Fake], *connections: Fake, asked: bool = True) -> list[Fake]:
    for connection in connections:
        assert table.admit(connection)
        if asked:
            table.has_asked(connection)
    return list(connections)


def test_the_oldest_that_has_asked_for_nothing_goes_first() -> None:
    table = ConnectionTable[Fake](3)
    (client,) = filled(table, Fake())
    first, second = filled(table, Fake(), Fake(), asked=False)
    assert table.admit(Fake())
    assert [each.is_dropped for each in (client, first, second)] == [False, True, False]
    assert len(table) == 3


def test_then_the_one_that_was_idle_for_longest() -> None:
    table = ConnectionTable[Fake](3)
    idle = filled(table, Fake(idle_since=3), Fake(idle_since=1), Fake(idle_since=2, is_idle=False))
    assert table.admit(Fake())
    assert [each.is_dropped for each in idle] == [False, True, False]
    assert table.figures() == {"open": 3, "busy": 1, "limit": 3, "ended": {"gave_way": 1}}


def test_where_all_are_busy_a_new_one_is_refused() -> None:
    clock = Clock()
    table = ConnectionTable[Fake](2, clock=clock)
    busy = filled(table, Fake(is_idle=False), Fake(is_idle=False))
    assert not table.admit(Fake())
    busy[0].is_idle = True
    assert not table.admit(Fake()), "it does not look again at once: that would cost too much in an attack"
    clock.now += 0.1
    assert table.admit(Fake())
    assert busy[0].is_dropped


def test_many_make_room_at_a_time_where_there_are_many() -> None:
    table = ConnectionTable[Fake](1000)
    idle = filled(table, *(Fake(idle_since=n) for n in range(1000)))
    assert table.admit(Fake())
    assert [each.is_dropped for each in idle] == [True] * 10 + [False] * 990


def test_an_address_has_no_more_than_its_share() -> None:
    table = ConnectionTable[Fake](100, 2)
    first, _ = filled(table, Fake("2001:db8::1"), Fake("2001:db8::2"))
    assert not table.admit(Fake("2001:db8::3"))
    assert table.admit(Fake("2001:db8:0:1::3"))
    table.leave(first)
    table.leave(first)
    assert table.admit(Fake("2001:db8::3"))
    assert not table.admit(Fake("2001:db8::4"))


def test_who_was_refused_for_want_of_room_does_not_count_for_its_address() -> None:
    clock = Clock()
    table = ConnectionTable[Fake](1, 1, clock=clock)
    (busy,) = filled(table, Fake("192.0.2.1", is_idle=False))
    assert not table.admit(Fake("192.0.2.2"))
    table.leave(busy)
    assert table.admit(Fake("192.0.2.2"))


async def test_new_clients_are_served_while_others_hold_all_connections() -> None:
    async with staged(connections=20) as stage:
        holding = [await stage.connect() for _ in range(30)]
        client = await stage.connect()
        assert (await client.ask("/api/health/live")).status == 200
        assert [await silent.end() for silent in holding[:11]] == [b""] * 11
        figures = stage.server.figures()
        assert figures["open"] <= 20
        assert figures["ended"] == {"gave_way": 11}
        assert (await client.ask("/api/health/live")).status == 200


async def test_an_address_that_has_its_share_is_refused() -> None:
    async with staged(connections_per_address=3) as stage:
        clients = [await stage.connect() for _ in range(3)]
        assert await (await stage.connect()).end() == b""
        assert (await clients[0].ask("/api/health/live")).status == 200
