"""What the query of a list means."""

from typing import Any

import msgspec
import pytest

from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.queries import QueryReader
from taskmanager.api.rest.task_queries import TasksQuery, task_filter
from taskmanager.application.principal import ANONYMOUS, Principal, Role
from taskmanager.application.task_lists import TaskFilter
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import UserEmail
from tests.builders import NOON

_READER = QueryReader(TasksQuery)


def _asked(query: str, principal: Principal = ANONYMOUS) -> TaskFilter:
    read: Any = _READER.read(query)
    return task_filter(read, principal, None if read.user_email is None else UserEmail(read.user_email))


def test_nothing_asks_for_everything_the_newest_first() -> None:
    assert _asked("") == TaskFilter()


def test_every_parameter_has_its_place() -> None:
    bound = Principal("key:a", Role.READER, UserEmail("ann@example.com"))
    asked = _asked(
        "status=new&status=error&userEmail=ann@EXAMPLE.com&host=Example.COM&q=Hours&metadata.team=a&metadata.run=7"
        "&createdAfter=2026-03-01T12:00:00Z&createdBefore=2026-03-01T13:00:00%2B01:00&sort=createdAt",
        bound,
    )
    assert asked == TaskFilter(
        owner=UserEmail("ann@example.com"),
        user_email=UserEmail("ann@example.com"),
        host="example.com",
        statuses=frozenset({"new", "error"}),
        text="Hours",
        metadata={"team": "a", "run": "7"},
        created_after=NOON,
        created_before=NOON,
        newest_first=False,
    )


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("example.com:80", "example.com"),
        ("shop.example.com:8080", "shop.example.com:8080"),
        ("B%C3%BCcher.example", "xn--bcher-kva.example"),
        ("[2001:DB8:0::1]", "[2001:db8::1]"),
        ("127.1", "127.0.0.1"),
    ],
)
def test_a_host_is_compared_in_its_normal_form(given: str, meant: str) -> None:
    assert _asked(f"host={given}").host == meant


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("host=example.com/path", "host"),
        ("host=user@example.com", "host"),
        ("host=a%20b", "host"),
        ("q=a%00b", "q"),
        ("metadata.=x", "metadata"),
        ("metadata.a=%00", "metadata"),
        ("userEmail=nobody", "userEmail"),
    ],
)
def test_a_value_that_no_task_can_have_is_refused(query: str, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        _asked(query)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit"), ("sort=status", "sort"),
        ("status=done", "status[0]"), ("statuss=new", "statuss"), ("q=", "q"), ("host=", "host"), ("cursor=", "cursor"),
        (f"q={'x' * 201}", "q"), (f"cursor={'x' * 513}", "cursor"),
    ],
)  # fmt: skip
def test_a_malformed_parameter_is_named(query: str, path: str) -> None:
    with pytest.raises(Problem) as refused:
        _asked(query)
    assert (refused.value.status, refused.value.errors[0].path) == (400, path)


@pytest.mark.parametrize(
    "moment",
    ["yesterday", "2026-03-01T12:00:00", "1", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00%2B14:00", "2026-03-01"],
)
@pytest.mark.parametrize("name", ["createdAfter", "createdBefore"])
def test_what_is_no_moment_is_refused(name: str, moment: str) -> None:
    with pytest.raises(Problem) as refused:
        _asked(f"{name}={moment}")
    assert (refused.value.status, refused.value.errors[0].path) == (422, name)


def test_a_page_holds_five_hundred_at_most() -> None:
    read: Any = _READER.read("limit=500")
    assert read.limit == 500
    assert msgspec.json.schema(TasksQuery)["$defs"]["TasksQuery"]["properties"]["limit"]["maximum"] == 500
