"""`taskmanager keys` as operators use it."""

import json
from hashlib import sha256

import pytest

from tests.scratch import ScratchDatabase

from .conftest import Keys


def created(keys: Keys, *arguments: str) -> dict[str, str]:
    result = keys("create", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_key_is_shown_once_and_kept_as_its_digest_alone(keys: Keys, database: ScratchDatabase) -> None:
    result = keys("create", "--role", "writer", "--name", "gateway")
    key = result.stdout.strip()
    assert result.exit_code == 0
    assert "only time that the key is shown" in result.stderr
    assert key not in result.stderr
    assert database.run("select digest, role, name, user_email, created_by from api_keys") == [
        (sha256(key.encode()).hexdigest(), "writer", "gateway", None, "ann")
    ]
    secret = key.rsplit("_", 1)[-1]
    assert secret not in str(database.run("select k::text from api_keys k"))
    assert secret not in keys("list").stdout + keys("list", "--json").stdout


def test_whoever_makes_a_key_that_nobody_asks_for_is_told(keys: Keys) -> None:
    assert "AUTH_MODE=keys" in keys("create", "--role", "reader").stderr
    assert "AUTH_MODE" not in keys("create", "--role", "reader", AUTH_MODE="keys").stderr


def test_two_keys_are_never_alike(keys: Keys) -> None:
    first, second = created(keys, "--role", "reader"), created(keys, "--role", "reader")
    assert len({first["key"], second["key"]}) == len({first["prefix"], second["prefix"]}) == 2
    assert len(first["key"]) == len("tm_") + 10 + 1 + 43


def test_a_key_may_be_bound_and_may_end(keys: Keys) -> None:
    made = created(keys, "--role", "writer", "--user-email", "ann@Example.COM", "--expires", "90d")
    assert made["userEmail"] == "ann@example.com"
    (listed,) = json.loads(keys("list", "--json").stdout)
    assert "key" not in listed
    assert listed == {name: value for name, value in made.items() if name != "key"}
    table = keys("list").stdout
    assert "ann@example.com" in table
    assert f"{made['prefix']}  good" in table


def test_revoking_is_for_good_and_names_who_did_it_first(keys: Keys) -> None:
    made = created(keys, "--role", "admin")
    assert "is revoked" in keys("revoke", made["prefix"]).stdout
    again = keys("revoke", f"tm_{made['prefix']}", "--as", "bob")
    assert again.exit_code == 0
    assert "was revoked already" in again.stdout
    (listed,) = json.loads(keys("list", "--json").stdout)
    assert listed["revokedBy"] == "ann"
    assert "revoked" in keys("list").stdout


def test_the_whole_key_may_stand_for_its_prefix(keys: Keys) -> None:
    made = created(keys, "--role", "reader")
    result = keys("revoke", made["key"], "--json")
    assert json.loads(result.stdout)["revokedAt"]
    assert made["key"] not in result.output


def test_an_unknown_prefix_is_told(keys: Keys) -> None:
    result = keys("revoke", "0123456789")
    assert result.exit_code == 1
    assert "there is no key 0123456789" in result.stderr


def test_an_empty_list_tells_how_to_make_a_key(keys: Keys) -> None:
    assert "taskmanager keys create" in keys("list").stdout
    assert json.loads(keys("list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["create"], "--role"),
        (["create", "--role", "root"], "is not one of"),
        (["create", "--role", "reader", "--user-email", "ann"], "exactly one @"),
        (["create", "--role", "reader", "--expires", "soon"], "90d or 12h"),
        (["create", "--role", "reader", "--expires", "2020-01-01T00:00:00Z"], "is over already"),
        (["create", "--role", "reader", "--expires", "2027-01-01T00:00:00"], "has no zone"),
        (["create", "--role", "reader", "--expires", "9999-12-31T23:59:59-12:00"], "farther than any time"),
        (["create", "--role", "reader", "--name", "a\nb"], "printable"),
        (["revoke", "x"], "ten characters"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(keys: Keys, arguments: list[str], remedy: str) -> None:
    result = keys(*arguments)
    assert result.exit_code == 64
    assert remedy in result.output


def test_a_database_that_is_away_may_be_back_later(keys: Keys) -> None:
    result = keys("list", POSTGRES_PORT="1")
    assert result.exit_code == 75
    assert "Traceback" not in result.output


def test_a_schema_that_is_behind_tells_what_to_run(keys: Keys, database: ScratchDatabase) -> None:
    database.run("alter table api_keys drop column created_by")
    result = keys("create", "--role", "reader")
    assert result.exit_code == 70
    assert "taskmanager migrate" in result.stderr
