"""Finds what runs of this checkout on this machine."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

_CONFIGURATION = str(Path(__file__).parents[2] / "supervisord.conf")


@dataclass(frozen=True, slots=True)
class RunningAppliance:
    """A supervisord with the programs of one container; `run_directory` holds its socket."""

    run_directory: Path
    started_at: datetime


def running_appliances() -> list[RunningAppliance]:
    """Those of this checkout that this user may look at, oldest first."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if "supervisor.supervisord" in words and _CONFIGURATION in words:
                directory = process.environ().get("TASKMANAGER_RUN_DIR")
                if directory:
                    started = datetime.fromtimestamp(process.create_time(), UTC)
                    found.append(RunningAppliance(Path(directory), started))
    return sorted(found, key=lambda appliance: appliance.started_at)
