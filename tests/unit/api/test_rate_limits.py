"""Token buckets, and what the answers tell of them."""

import pytest

from taskmanager.api.rest.edge import Edge
from taskmanager.api.rest.endpoint import OpenGate
from taskmanager.api.rest.limited_gate import LimitedGate
from taskmanager.api.rest.rate_limits import TokenBuckets

from .stage import staged


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_and_then_as_many_as_flow_in(clock: Clock) -> None:
    buckets = TokenBuckets("key", rate=2, burst=5, clock=clock)
    assert [buckets.take("a").allowed for _ in range(12)] == [True] * 10 + [False] * 2
    clock.now += 1
    assert [buckets.take("a").allowed for _ in range(3)] == [True, True, False]
    clock.now += 3600
    assert sum(buckets.take("a").allowed for _ in range(20)) == 10


def test_a_grant_tells_what_is_left_and_when_to_come_again(clock: Clock) -> None:
    buckets = TokenBuckets("key", rate=2, burst=1, clock=clock)
    assert buckets.take("a") == (True, 1, pytest.approx(0.5), 0)
    assert buckets.take("a") == (True, 0, pytest.approx(1), 0)
    refused = buckets.take("a")
    assert refused == (False, 0, pytest.approx(1), pytest.approx(0.5))
    clock.now += refused.retry_after
    assert buckets.take("a").allowed


def test_being_refused_costs_nothing(clock: Clock) -> None:
    buckets = TokenBuckets("key", rate=1, burst=1, clock=clock)
    for _ in range(100):
        buckets.take("a")
    clock.now += 1
    assert buckets.take("a").allowed


def test_looking_takes_nothing(clock: Clock) -> None:
    buckets = TokenBuckets("key", rate=1, burst=1, clock=clock)
    assert all(buckets.look("a") == (True, 1, 0, 0) for _ in range(3))
    assert buckets.take("a").allowed
    assert buckets.look("a") == (False, 0, pytest.approx(1), pytest.approx(1))


def test_a_rate_below_one_still_lets_one_through(clock: Clock) -> None:
    buckets = TokenBuckets("key", rate=0.01, burst=1, clock=clock)
    assert [buckets.take("a").allowed for _ in range(2)] == [True, False]
    clock.now += 100
    assert buckets.take("a").allowed


def test_keys_do_not_share(clock: Clock) -> None:
    buckets = TokenBuckets("key", rate=1, burst=1, clock=clock)
    assert buckets.take("a").allowed
    assert buckets.take("b").allowed


def test_the_key_that_was_quiet_for_longest_is_forgotten_first(clock: Clock) -> None:
    buckets = TokenBuckets("key", rate=1, burst=1, most=2, clock=clock)
    for key in ("a", "b", "a", "c"):
        buckets.take(key)
    assert not buckets.look("a").allowed
    assert not buckets.look("c").allowed
    assert buckets.look("b").allowed


async def test_answers_tell_of_every_limit(clock: Clock) -> None:
    gate = LimitedGate(OpenGate(), TokenBuckets("key", rate=1, burst=2, clock=clock))
    edge = Edge(by_address=TokenBuckets("address", rate=10, burst=1, clock=clock))
    async with staged(gate=gate, edge=edge) as stage:
        client = await stage.connect()
        answer = await client.ask("/api/parcels", method="POST", body=b"{}")
        assert answer.status == 200
        assert answer.headers["ratelimit"] == '"address";r=9;t=1, "key";r=1;t=1'
        assert answer.headers["ratelimit-policy"] == '"address";q=10;w=1, "key";q=2;w=2'
        await client.ask("/api/parcels", method="POST", body=b"{}")
        refused = await client.ask("/api/parcels", method="POST", body=b"{}")
        assert (refused.status, refused.headers["retry-after"], stage.taken) == (429, "1", 2)
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["ratelimit"] == '"address";r=7;t=1, "key";r=0;t=2'


async def test_an_address_is_held_back_on_every_path_but_those_of_probes(clock: Clock) -> None:
    edge = Edge(by_address=TokenBuckets("address", rate=1, burst=1, clock=clock))
    async with staged(edge=edge) as stage:
        client = await stage.connect()
        assert (await client.ask("/api/nothing")).status == 404
        assert (await client.ask("/api/nothing")).status == 429
        assert (await client.ask("/api/health/live")).status == 200
        clock.now += 1
        assert (await client.ask("/api/nothing")).status == 404


async def test_without_limits_no_header_tells_of_any() -> None:
    async with staged() as stage:
        assert "ratelimit" not in (await (await stage.connect()).ask("/api/large")).headers
