"""`python -m taskmanager`: what it lists, what it imports, and how errors come out."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

import taskmanager.__main__ as command_line
from taskmanager import __version__
from taskmanager.config.errors import ConfigurationError, Mistake
from taskmanager.server import ExitCode

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> object:
    """Runs the command line with `config` replaced by a command that returns or raises what is given."""

    def invoke(outcome: object, *arguments: str) -> Result:
        @click.command()
        def command() -> object:
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(command_line, "import_module", lambda _name: SimpleNamespace(command=command))
        return CliRunner().invoke(command_line.main, [*arguments, "config"])

    return invoke


def test_help_teaches_without_importing_any_program() -> None:
    code = "import sys; from taskmanager.__main__ import main\ntry: main(['--help'])\nfinally: print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    help_text, modules = output.rsplit("\n", 2)[:2]
    assert "Show every setting in force" in help_text
    heavy = {"taskmanager.programs.config", "pydantic", "aiohttp", "psycopg2", "confluent_kafka", "structlog", "uvloop"}
    assert heavy.isdisjoint(modules.split())


def test_only_programs_that_exist_are_listed() -> None:
    listed = command_line.main.list_commands(click.Context(command_line.main))
    assert "config" in listed
    assert all(find_spec(f"taskmanager.programs.{name}") for name in listed)
    assert CliRunner().invoke(command_line.main, ["launch"]).exit_code == ExitCode.USAGE


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(command_line.main, ["--version"]).output == f"taskmanager, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["nothing"], ["--nothing"], ["config", "--nothing"], ["config", "extra"], []])
def test_a_wrong_command_line_ends_with_64(arguments: list[str]) -> None:
    result = CliRunner().invoke(command_line.main, arguments)
    assert result.exit_code == ExitCode.USAGE
    assert "Usage:" in result.stderr


@pytest.mark.parametrize(("outcome", "code"), [(None, 0), (ExitCode.TEMPORARY, 75), (0, 0), (3, 3)])
def test_what_a_command_returns_is_the_exit_code(run: object, outcome: object, code: int) -> None:
    assert run(outcome).exit_code == code  # type: ignore[operator]


def test_an_unknown_error_is_one_masked_line(run: object) -> None:
    result = run(RuntimeError("no luck\nfor bob@example.com"))  # type: ignore[operator]
    assert result.exit_code == ExitCode.INTERNAL
    assert result.stderr == "error: RuntimeError: no luck for b***@example.com (--debug shows where)\n"


def test_an_unknown_error_keeps_its_traceback_with_debug(run: object) -> None:
    error = RuntimeError("no luck")
    assert run(error, "--debug").exception is error  # type: ignore[operator]


def test_bad_configuration_is_listed_and_ends_with_78(run: object) -> None:
    result = run(ConfigurationError([Mistake("A", "1", "must be 2"), Mistake("B", None, "is needed")]))  # type: ignore[operator]
    assert result.exit_code == ExitCode.CONFIGURATION
    assert result.stderr == "error: The configuration holds 2 mistakes:\n  A='1': must be 2\n  B (not set): is needed\n"


def test_an_error_of_a_command_for_its_user_keeps_its_own_exit_code(run: object) -> None:
    error = click.ClickException("the topic is gone")
    error.exit_code = 75
    result = run(error)  # type: ignore[operator]
    assert (result.exit_code, result.stderr) == (75, "Error: the topic is gone\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_ends_with_130(run: object, error: BaseException) -> None:
    assert run(error).exit_code == ExitCode.INTERRUPTED  # type: ignore[operator]
