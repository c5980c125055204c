"""What an operator may type, and what they learn from what they may not."""

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from taskmanager.__main__ import main
from taskmanager.programs.moments import past


def dlq(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(main, ["dlq", *arguments], input=given, env={"USER": "ann"})


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["replay"], "say which letters are meant"),
        (["discard"], "say which letters are meant"),
        (["replay", "1", "--all"], "say which letters are meant"),
        (["replay", "1", "--reason", "tombstone"], "say which letters are meant"),
        (["discard", "--all", "--partition", "0"], "say which letters are meant"),
        (["replay", "--all"], "--yes"),
        (["replay", "0"], "0 is not in the range"),
        (["replay", "1", "2", "--key", "k"], "are for one letter"),
        (["replay", "--all", "--value-file", "-"], "are for one letter"),
        (["replay", "1", "--header", "status"], "write NAME=VALUE"),
        (["replay", "1", "--header", "=x"], "write NAME=VALUE"),
        (["replay", "1", "--as", "a\x1bb"], "printable"),
        (["replay", "1", "--as", "a" * 101], "printable"),
        (["list", "--reason", "unheard_of"], "'missing_field'"),
        (["list", "--since", "yesterday"], "such as 90m"),
        (["list", "--since", "2026-03-01T09:30:00"], "add Z"),
        (["list", "--since", "999999d"], "'999999d' is longer ago than any time"),
        (["list", "--task", "42"], "UUID"),
        (["show", "1", "--raw", "--json"], "choose one of"),
    ],
    ids=str,
)
def test_mistakes_are_told_with_the_remedy(arguments: list[str], problem: str) -> None:
    result = dlq(*arguments)

    assert result.exit_code == 64
    assert problem in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T11:30+02:00", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_time(text: str, expected: datetime) -> None:
    assert past(text) == expected


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("90m", timedelta(minutes=90)),
        ("36h", timedelta(hours=36)),
        ("7d", timedelta(7)),
    ],
)
def test_an_age(text: str, age: timedelta) -> None:
    before = datetime.now(UTC)
    assert before <= past(text) + age <= datetime.now(UTC)


def test_every_subcommand_teaches_by_examples() -> None:
    for name in ("list", "stats", "show", "replay", "discard"):
        assert f"taskmanager dlq {name}" in dlq(name, "--help").stdout
