"""Query strings are read as strictly as bodies."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
import pytest

from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.queries import QueryReader, refuse_query


class Wanted(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    status: tuple[Literal["new", "error"], ...] = ()
    created_after: datetime | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    dry_run: bool = False
    metadata: dict[str, str] = {}
    q: str | None = None


READER = QueryReader(Wanted)


def test_values_get_their_types() -> None:
    read = READER.read("status=new&status=error&createdAfter=2026-05-04T12:00:00Z&limit=7&dryRun=true&q=a%20b%26c")

    assert read == Wanted(
        status=("new", "error"), created_after=datetime.fromisoformat("2026-05-04T12:00:00Z"), limit=7, dry_run=True,
        q="a b&c",
    )  # fmt: skip


def test_nothing_is_all_defaults() -> None:
    assert READER.read("") == Wanted()


def test_a_text_may_be_null_by_name() -> None:
    assert READER.read("q=null").q == "null"


def test_parameters_with_a_prefix_are_collected() -> None:
    assert READER.read("metadata.team=a&metadata.x.y=b").metadata == {"team": "a", "x.y": "b"}


@pytest.mark.parametrize(
    ("query", "path", "message"),
    [
        ("limit=0", "limit", ">= 1"),
        ("limit=x", "limit", "int"),
        ("limit=1&limit=2", "limit", "twice"),
        ("metadata.a=1&metadata.a=2", "metadata.a", "twice"),
        ("statuss=new", "statuss", "did you mean status?"),
        ("nonsense=1", "nonsense", "no parameter here"),
        ("metadata=1", "metadata", "no parameter here"),
        ("createdAfter=null", "createdAfter", "must have a value"),
        ("createdAfter=", "createdAfter", "datetime"),
        ("status=old", "status[0]", "Invalid enum value"),
        ("createdAfter=yesterday", "createdAfter", "datetime"),
        ("created_after=2026-05-04T12:00:00Z", "created_after", "did you mean createdAfter?"),
    ],
)
def test_what_is_wrong_is_named(query: str, path: str, message: str) -> None:
    with pytest.raises(Problem) as caught:
        READER.read(query)

    assert caught.value.status == 400
    (error,) = caught.value.errors
    assert error.path == path
    assert message in error.message


def test_all_unknown_parameters_are_named_at_once() -> None:
    with pytest.raises(Problem) as caught:
        READER.read("a=1&b=2")

    assert [error.path for error in caught.value.errors] == ["a", "b"]


@pytest.mark.parametrize("query", ["q=%ff", "&".join(f"metadata.k{i}=1" for i in range(101))])
def test_what_is_no_query_is_refused(query: str) -> None:
    with pytest.raises(Problem) as caught:
        READER.read(query)

    assert caught.value.status == 400


def test_a_route_without_parameters_refuses_any() -> None:
    refuse_query("")
    with pytest.raises(Problem, match="takes no query parameters"):
        refuse_query("a=1")
