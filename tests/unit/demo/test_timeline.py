"""Who sends what when."""

from collections import Counter
from datetime import UTC, datetime
from itertools import count, islice
from uuid import UUID, uuid5

import pytest

from taskmanager.programs.demo import timeline
from taskmanager.programs.demo.messages import Message, Role
from taskmanager.programs.demo.timeline import endless, gateway, gateway_and_workers
from taskmanager.programs.demo.workers import EARLY_BY, reports

SPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
NOW = datetime(2025, 6, 1, tzinfo=UTC)


def request(number: int) -> Message:
    task_id = str(uuid5(SPACE, str(number))).encode()
    return Message(Role.REQUESTS, task_id, b"{}", (("id", task_id),), f"line {number}")


REQUESTS = [request(number) for number in range(400)]


def test_the_gateway_alone_sends_the_requests_in_their_order_at_even_distances():
    sendings = list(gateway(REQUESTS, 0.5))

    assert [sending.content for sending in sendings] == REQUESTS
    assert [sending.due for sending in sendings[:3]] == [0.0, 0.5, 1.0]


def test_everything_comes_once_and_in_the_order_of_time():
    sendings = list(gateway_and_workers(REQUESTS, 0.02, seed=1))

    assert [sending.due for sending in sendings] == sorted(sending.due for sending in sendings)
    sent = Counter(sending.message(NOW).origin for sending in sendings if isinstance(sending.content, Message))
    assert sent == Counter(message.origin for message in REQUESTS)
    assert len(sendings) == len(REQUESTS) + sum(len(reports(request.task_id or "", 1)) for request in REQUESTS)


def test_equal_seeds_play_equally():
    one, other = ([sending.message(NOW) for sending in gateway_and_workers(REQUESTS, 0.02, seed=3)] for _ in range(2))

    assert one == other


def test_a_worker_that_is_early_reports_before_the_request_is_sent():
    early = next(message for message in REQUESTS if (plan := reports(message.task_id or "", 1)) and plan[0].after == 0)

    first, second, *_ = gateway_and_workers([early], 1, seed=1)

    assert first.task_id == early.task_id
    assert second.content is early
    assert second.due == EARLY_BY


def test_a_repeated_request_is_worked_on_once():
    once = list(gateway_and_workers(REQUESTS, 0.02, seed=1))
    twice = list(gateway_and_workers([*REQUESTS, *REQUESTS], 0.02, seed=1))

    assert len(twice) == len(once) + len(REQUESTS)


def test_only_so_many_ids_are_remembered(monkeypatch):
    monkeypatch.setattr(timeline, "REMEMBERED_IDS", 10)
    once = list(gateway_and_workers(REQUESTS, 0.02, seed=1))

    assert len(list(gateway_and_workers([*REQUESTS, *REQUESTS], 0.02, seed=1))) == 2 * len(once)


@pytest.mark.parametrize(
    "message",
    [
        Message(Role.REQUESTS, None, b"{}", (), "without an id"),
        Message(Role.STATUS, REQUESTS[0].key, b"{}", REQUESTS[0].headers, "a report of the file's own"),
    ],
)
def test_nobody_works_on_what_is_no_request_with_an_id(message):
    assert len(list(gateway_and_workers([message], 1, seed=1))) == 1


def test_an_endless_gateway_is_played_as_it_comes():
    sendings = gateway_and_workers(map(request, count()), 0.02, seed=1)

    assert len(list(islice(sendings, 5_000))) == 5_000


def test_each_round_has_new_ids_that_repeat_within_it_as_the_file_does():
    bare = Message(Role.REQUESTS, None, b"{}", (), "bare")
    first, again, untouched, second, *_ = islice(endless(lambda: [request(1), request(1), bare], SPACE), 6)

    assert first == again
    assert untouched is bare
    assert len({request(1).task_id, first.task_id, second.task_id}) == 3
    assert first.key == (first.task_id or "").encode()
