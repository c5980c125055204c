"""`taskmanager config`, and the page of the documentation that it writes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from taskmanager.__main__ import main
from taskmanager.config.reference import markdown
from taskmanager.config.settings import all_variables

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
CLEAN = {variable.name: "" for variable in all_variables()} | {"HOSTNAME": ""}


def config(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, ["config", *arguments], env=CLEAN | environ)


def test_people_see_a_table_with_secrets_masked() -> None:
    result = config(APP_PORT="4000", POSTGRES_PASSWORD="hidden-word")
    assert result.exit_code == 0
    lines = {line.split()[0]: line.split()[1:3] for line in result.stdout.splitlines() if line.startswith("  ")}
    assert lines["APP_PORT"] == ["4000", "env"]
    assert lines["METRICS_PORT"] == ["9464", "default"]
    assert lines["POSTGRES_PASSWORD"] == ["***", "env"]
    assert "hidden-word" not in result.output


def test_machines_see_every_variable_as_json() -> None:
    rows = {row["name"]: row for row in json.loads(config("--json", CONSUMER_PROCESSES="5").stdout)}
    assert list(rows) == [variable.name for variable in all_variables()]
    assert rows["CONSUMER_PROCESSES"] == {
        "section": "Application",
        "name": "CONSUMER_PROCESSES",
        "value": "5",
        "is_default": False,
        "source": "env",
        "description": "Consumer processes of this container",
    }


def test_the_values_shown_can_be_given_back() -> None:
    environ = {
        "CORS_ORIGINS": "https://a.example,https://b.example",
        "REQUEST_TIMEOUT": "0.5",
        "ALLOW_PRIVATE_URLS": "yes",
    }
    shown = {row["name"]: row["value"] for row in json.loads(config("--json", **environ).stdout)}
    assert shown == {row["name"]: row["value"] for row in json.loads(config("--json", **shown).stdout)}


def test_a_check_is_silent_when_all_is_well() -> None:
    result = config("--check")
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--check"]])
def test_mistakes_are_listed_and_end_with_78(arguments: list[str]) -> None:
    result = config(*arguments, APP_PORT="x", KAFKA_BROKERS="x")
    assert result.exit_code == 78
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: The configuration holds 2 mistakes:",
        "  APP_PORT='x': must be a whole number from 1 to 65535",
        "  KAFKA_BROKERS='x': must be host:port, several separated by commas",
    ]


def test_warnings_do_not_disturb_the_output() -> None:
    result = config("--json", KAFKA_BROKER="x")
    assert result.exit_code == 0
    assert json.loads(result.stdout)
    assert result.stderr == "warning: KAFKA_BROKER is not a known variable; KAFKA_BROKERS was probably meant\n"


def test_only_one_form_can_be_asked_for() -> None:
    assert config("--json", "--check").exit_code == 64


def test_the_reference_needs_no_good_environment_and_is_the_page_in_the_documentation() -> None:
    result = config("--markdown", APP_PORT="x")
    assert result.stdout == markdown()
    assert PAGE.read_text(encoding="utf-8").endswith(f"-->\n\n{markdown()}"), "write the output of --markdown there"


def test_the_reference_tells_of_every_variable() -> None:
    rows = [line for line in markdown().splitlines() if line.startswith("| `")]
    assert len(rows) == len(all_variables())
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
