"""What the stack remembers."""

import stat
from dataclasses import replace

import pytest

from taskmanager.devstack.errors import StackError
from taskmanager.devstack.info import StackInfo
from taskmanager.devstack.settings import generate, load, save


def test_settings_are_read_back_as_saved(tmp_path):
    settings = generate(tmp_path / "postgres")
    path = tmp_path / "stack" / "settings.json"

    save(path, settings)
    save(path, replace(settings, kafka_port=1234))

    assert load(path) == replace(settings, kafka_port=1234)
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


def test_nobody_else_may_read_them(tmp_path):
    path = tmp_path / "settings.json"

    save(path, generate(tmp_path))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_there_are_none_before_the_first_start(tmp_path):
    assert load(tmp_path / "settings.json") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"postgres_port": 1}'])
def test_damaged_ones_are_refused_with_the_remedy(tmp_path, content):
    path = tmp_path / "settings.json"
    path.write_text(content)

    with pytest.raises(StackError, match="bin/stack reset"):
        load(path)


def test_every_stack_has_its_own_secrets_and_ports(tmp_path):
    one, other = generate(tmp_path), generate(tmp_path)

    assert len({one.superuser_password, one.owner_password, one.app_password}) == 3
    assert len({one.postgres_port, one.kafka_port, one.controller_port}) == 3
    assert one.cluster_id != other.cluster_id
    assert one.app_password != other.app_password


def test_the_service_is_told_its_own_role_and_not_the_superuser(tmp_path):
    info = StackInfo.of(generate(tmp_path))

    environment = info.environment()

    assert environment["POSTGRES_USER"] == "taskmanager_app"
    assert environment["KAFKA_BROKERS"] == info.kafka_brokers
    assert info.superuser_password not in environment.values()


def test_connection_strings_quote_what_needs_it(tmp_path):
    info = replace(StackInfo.of(generate(tmp_path)), app_password="it's a \\ secret")

    assert r"password='it\'s a \\ secret'" in info.dsn("app")
    assert "dbname=other" in info.dsn("owner", "other")
