"""Who sends what when."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, islice
from uuid import UUID, uuid5

import pytest

from taskmanager.programs.demo.messages import Message, Role
from taskmanager.programs.demo.recent import Recent
from taskmanager.programs.demo.timeline import endless, gateway, gateway_with_early_workers
from taskmanager.programs.demo.workers import EARLY_BY, early_start

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


def played(requests, **changes):
    return gateway_with_early_workers(requests, **{"interval": 0.02, "seed": 1, "started": Recent()} | changes)


def is_early(message: Message) -> bool:
    return message.task_id is not None and early_start(message.task_id, 1) is not None


def test_every_request_comes_once_and_in_the_order_of_time():
    sendings = list(played(REQUESTS))

    assert [sending.due for sending in sendings] == sorted(sending.due for sending in sendings)
    assert Counter(id(sending.content) for sending in sendings if isinstance(sending.content, Message)) == Counter(
        map(id, REQUESTS)
    )
    assert len(sendings) == len(REQUESTS) + sum(map(is_early, REQUESTS))
    assert sum(map(is_early, REQUESTS)) > 5


def test_a_worker_that_is_early_reports_before_the_request_is_sent_and_is_remembered():
    early = next(filter(is_early, REQUESTS))
    started = Recent()

    first, second = played([early], started=started)

    assert first.message(NOW) == early_start(early.task_id or "", 1).message(early.task_id, NOW)
    assert (second.content, second.due) == (early, EARLY_BY)
    assert early.task_id in started


def test_a_repeated_request_is_not_begun_again():
    assert len(list(played([*REQUESTS, *REQUESTS]))) == len(list(played(REQUESTS))) + len(REQUESTS)


@pytest.mark.parametrize(
    "changes",
    [{"key": None, "headers": ()}, {"role": Role.STATUS}],
    ids=["without an id", "a report of the file's own"],
)
def test_nobody_begins_early_with_what_is_no_request_with_an_id(changes):
    message = replace(next(filter(is_early, REQUESTS)), **changes)

    assert len(list(played([message]))) == 1


def test_an_endless_gateway_is_played_as_it_comes():
    assert len(list(islice(played(map(request, count())), 5_000))) == 5_000


def test_only_so_many_things_are_remembered():
    recent = Recent(limit=2)

    assert [recent.add(thing) for thing in "abab"] == [True, True, False, False]
    assert recent.add("c")
    assert [thing in recent for thing in "abc"] == [False, True, True]


def test_each_round_has_new_ids_that_repeat_within_it_as_the_file_does():
    bare = Message(Role.REQUESTS, None, b"{}", (), "bare")
    first, again, untouched, second, *_ = islice(endless(lambda: [request(1), request(1), bare], SPACE), 6)

    assert first == again
    assert untouched is bare
    assert len({request(1).task_id, first.task_id, second.task_id}) == 3
    assert first.key == (first.task_id or "").encode()
