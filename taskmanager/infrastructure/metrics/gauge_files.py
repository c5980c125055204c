"""The gauges of processes that are no more."""

from pathlib import Path


def forget_gauges(slot: str, directory: Path) -> None:
    """Removes the gauges that the slot's last process left in `directory`; not to be called while one runs.

    What it counted stays: a stopped process has no state, but its counts are part of the container's.
    """
    for path in directory.glob(f"gauge_*_{slot}.db"):
        path.unlink(missing_ok=True)
