"""Everything that one container runs, as a child of the test."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from taskmanager.devstack import StackInfo
from taskmanager.devstack.topics import create_topics, delete_topics
from tests.scratch import ScratchDatabase

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Appliance:
    """A command that starts supervisord, its log, and every process below it."""

    def __init__(self, command: Sequence[str | Path], environment: dict[str, str], run_directory: Path) -> None:
        self.environment = environment
        self.run_directory = run_directory
        self.log = run_directory / "appliance.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT
            )

    def programs(self) -> dict[str, psutil.Process]:
        """The living programs by name and slot, such as `consumer 0` or `guard`."""
        found = {}
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                words = process.cmdline()
                if "taskmanager" in words:
                    name, *rest = words[words.index("taskmanager") + 1 :]
                    found[" ".join([name, *rest[1:]])] = process
        return found

    def stop(self) -> int:
        """Asks it to end; answers its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def leftovers(self) -> list[psutil.Process]:
        """Processes of this appliance that outlived it."""
        remaining = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("TASKMANAGER_RUN_DIR") == str(self.run_directory):
                    remaining.append(process)
        return remaining

    def clear(self) -> None:
        """Ends at once whatever is left."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(10)
        for process in self.leftovers():
            with suppress(psutil.Error):
                process.kill()


@pytest.fixture
def run_directory() -> Iterator[Path]:
    """A private directory with a path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="taskmanager-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def topics(stack: StackInfo) -> Iterator[dict[str, str]]:
    """Two topics of the test's own, as the environment names them."""
    names = {"WEB_CRAWL_REQUEST_TOPIC": f"requests-{uuid4().hex[:8]}", "TASK_STATUS_TOPIC": f"status-{uuid4().hex[:8]}"}
    create_topics(stack.kafka_brokers, dict.fromkeys(names.values(), 4))
    yield names
    delete_topics(stack.kafka_brokers, list(names.values()))


@pytest.fixture
def plain_environment(run_directory: Path) -> dict[str, str]:
    """What every appliance gets; no variable of the developer's shell."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(run_directory),
        "TASKMANAGER_RUN_DIR": str(run_directory),
        "TASKMANAGER_PYTHON": sys.executable,
        "TASKMANAGER_STOP_WAIT": "7",
        "API_PROCESSES": "1",
        "CONSUMER_PROCESSES": "2",
        "CONSUMER_SLOTS": "4",
        "CONSUMER_SPARES": "2",
        "GRACEFUL_SHUTDOWN_TIMEOUT": "5",
        "APP_PORT": str(free_port()),
        "METRICS_PORT": str(free_port()),
    }


@pytest.fixture
def start_appliance(
    empty_database: ScratchDatabase, topics: dict[str, str], plain_environment: dict[str, str], run_directory: Path
) -> Iterator[Callable[..., Appliance]]:
    """Starts bin/entrypoint on a database without tables, which it makes itself; settings may be given by name."""
    appliances = []

    def start(**settings: str) -> Appliance:
        environment = empty_database.environment | topics | plain_environment | {"METRICS_CACHE_MS": "0"} | settings
        appliances.append(Appliance([ROOT / "bin" / "entrypoint"], environment, run_directory))
        return appliances[-1]

    yield start
    for appliance in appliances:
        appliance.clear()
