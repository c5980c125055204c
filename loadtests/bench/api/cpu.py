"""CPU time of processes that come and go."""

from collections.abc import Iterable, Mapping

import psutil


def cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    """CPU seconds so far of each of these processes that is there."""
    seconds = {}
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds[pid] = times.user + times.system
    return seconds


def spent(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """Seconds in between, of those that are there afterwards; one that is new counts with all it has."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())
