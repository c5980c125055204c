"""A program as it is launched: settings, logs and the server layer together."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import structlog
from taskmanager.config.errors import ConfigurationError
from taskmanager.programs.launch import launch

class Once:
    def __init__(self, settings):
        self.settings = settings

    async def start(self):
        dsn = self.settings.database.dsn_kwargs("x")
        structlog.get_logger("once").info("connecting", dsn=dsn, port=self.settings.app.port)
        structlog.get_logger("once").debug("details")

    async def wait(self):
        return

    async def stop(self):
        for _ in range(7):
            structlog.get_logger("once").info("again")

try:
    stream = sys.stderr.buffer if "--stderr" in sys.argv else None
    sys.exit(launch("once", Once, slot="once-00", stream=stream))
except ConfigurationError as error:
    sys.exit(str(error))
"""


def launch(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={"PATH": os.environ["PATH"], **environ}
    )


def test_a_program_runs_with_its_settings_and_its_log() -> None:
    result = launch(POSTGRES_PASSWORD="hidden-word", APP_PORT="4000", KAFKA_BROKER="typo")
    assert (result.returncode, result.stderr) == (0, "")
    assert "hidden-word" not in result.stdout
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {(line["process"], line["slot"]) for line in lines} == {("once", "once-00")}
    by_event = {line["event"]: line for line in lines}
    assert by_event["configuration_warning"]["level"] == "warning"
    assert (by_event["connecting"]["port"], by_event["connecting"]["dsn"]["password"]) == (4000, "***")
    assert by_event["lines_suppressed"]["suppressed"] == 2
    assert "details" not in by_event


def test_the_log_level_is_that_of_the_settings() -> None:
    assert '"details"' in launch(LOG_LEVEL="debug").stdout


def test_the_log_can_go_elsewhere_for_a_program_whose_stdout_is_a_protocol() -> None:
    result = launch("--stderr")
    assert (result.returncode, result.stdout) == (0, "")
    assert '"connecting"' in result.stderr


def test_bad_settings_end_the_launch_before_anything_starts() -> None:
    result = launch(APP_PORT="x")
    assert (result.returncode, result.stdout) == (1, "")
    assert "APP_PORT='x'" in result.stderr
