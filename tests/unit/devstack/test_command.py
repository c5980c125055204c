"""The command line, as far as it goes without a server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from taskmanager.devstack.__main__ import main
from taskmanager.devstack.errors import StackError
from taskmanager.devstack.paths import default_root, download_cache


@pytest.fixture
def invoke(tmp_path):
    return lambda *arguments: CliRunner().invoke(main, arguments, env={"TASKMANAGER_LOCAL": str(tmp_path)})


def test_help_teaches(invoke):
    result = invoke("--help")

    assert result.exit_code == 0
    assert all(word in result.output for word in ("up", "down", "env", "reset", "status", "TASKMANAGER_LOCAL"))


def test_status_before_the_first_start(invoke):
    assert "bin/stack up" in invoke("status").output
    result = invoke("status", "--json")
    assert json.loads(result.output) == {"up": False, "servers": []}
    assert result.exit_code == 3


def test_env_of_a_stack_that_is_not_up_prints_nothing_that_a_shell_would_run(invoke):
    result = invoke("env")

    assert result.stdout == ""
    assert isinstance(result.exception, StackError)
    assert "bin/stack up" in str(result.exception)


def test_down_and_reset_of_nothing_do_nothing(invoke, tmp_path):
    assert invoke("down").exit_code == 0
    assert invoke("reset").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["stack.lock"]


def test_the_local_directory_is_in_the_checkout_unless_named(monkeypatch, tmp_path):
    monkeypatch.delenv("TASKMANAGER_LOCAL", raising=False)
    assert default_root() == Path(__file__).parents[3] / ".local"
    monkeypatch.setenv("TASKMANAGER_LOCAL", str(tmp_path))
    assert default_root() == tmp_path


def test_downloads_go_to_the_users_cache_or_else_to_the_local_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert download_cache(tmp_path / "local") == tmp_path / "cache" / "taskmanager"
    (tmp_path / "file").write_text("not a directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert download_cache(tmp_path / "local") == tmp_path / "local" / "cache"
