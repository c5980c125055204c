"""Starts the demo and watches what comes of it."""

import json
import secrets
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

RUN = Path(__file__).parents[3] / "bin" / "run"
SCALE = RUN.with_name("scale")
_MARK = "DEMO_TEST_RUN"
SECONDS = 120


@dataclass
class Demo:
    """Starts `bin/run`; every process that comes of it inherits a mark, by which it is found whoever its parent is."""

    environment: dict[str, str]
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *flags: str, **environment: str) -> subprocess.Popen[str]:
        """`bin/run` in a session of its own, as a terminal would start it."""
        process = subprocess.Popen(
            [str(RUN), *flags],
            env={**self.environment, **environment, _MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def once(self, *flags: str, expected: int = 0) -> dict[str, object]:
        """The summary of a run with an end."""
        output, errors = self.start("--once", *flags).communicate(timeout=SECONDS)
        assert self.started[-1].returncode == expected, errors
        summary = json.loads(output.splitlines()[-1])
        assert isinstance(summary, dict)
        return summary

    def running(self) -> list[psutil.Process]:
        """Every live process that came of a start."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(_MARK) == self.mark:
                    found.append(process)
        return found

    def end(self) -> None:
        """Kills whatever a failed test has left."""
        for process in self.running():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for started in self.started:
            started.communicate()


def wait_for_line(process: subprocess.Popen[str], wanted: Callable[[str], bool]) -> str:
    """The first line on standard error that is wanted; fails with what came if the process ends before."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if wanted(line):
            return line
    pytest.fail("the process ended early:\n" + "".join(seen))
