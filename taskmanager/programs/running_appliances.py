"""Finds what runs of this checkout on this machine."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

_CONFIGURATION = str(Path(__file__).parents[2] / "supervisord.conf")


@dataclass(frozen=True, slots=True)
class RunningAppliance:
    """A supervisord with the programs of one container; `run_directory` holds its socket.

    `api_port` is the one that its environment gives to the REST interface, None where that says nothing.
    """

    run_directory: Path
    started_at: datetime
    api_port: int | None = None


def running_appliances() -> list[RunningAppliance]:
    """Those of this checkout that this user may look at, oldest first."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if "supervisor.supervisord" in words and _CONFIGURATION in words:
                environment = process.environ()
                directory, port = environment.get("TASKMANAGER_RUN_DIR"), environment.get("APP_PORT", "")
                if directory:
                    started = datetime.fromtimestamp(process.create_time(), UTC)
                    api_port = int(port) if port.isascii() and port.isdigit() else None
                    found.append(RunningAppliance(Path(directory), started, api_port))
    return sorted(found, key=lambda appliance: appliance.started_at)
