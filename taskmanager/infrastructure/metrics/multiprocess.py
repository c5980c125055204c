"""Metric files shared by all processes of the container: one set per slot, reused by whoever fills the slot next."""

import atexit
import json
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prometheus_client import values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

# What prometheus_client names its files after: one file per kind of metric and slot.
_KINDS = ("counter", "histogram")
# A gauge tells of a living process: its file goes with it, or when the next one fills the slot.
GAUGES_OF_EACH_PROCESS: Literal["all"] = "all"
_GAUGE_KIND = f"gauge_{GAUGES_OF_EACH_PROCESS}"
_RESERVED_BYTES = 1 << 17
_ROUNDS = 3

# The files' layout: bytes in use, padding; then entries of key length, key (JSON), padding to 8, value, time.
_INTEGER = struct.Struct("i")
_HEADER = 8
_VALUE_AND_TIME = 16


@dataclass(frozen=True, slots=True)
class MergedFiles:
    """The sum of all readable files, and the names of those that were left out because they could not be read."""

    metrics: Sequence[Metric]
    unreadable: Sequence[str]


def enable(slot: str, directory: Path) -> None:
    """Makes every instrument created from now on live in `directory`, in files named after `slot`.

    The slot (such as `consumer-00`) must be unique among living processes and hold no underscore (`ValueError`). A file
    of the slot's former process is continued, but for gauges; one that is corrupt is renamed to `*.corrupt`. Again,
    with the same slot and directory, does nothing. Raises `OSError` if there is no room for the files.
    """
    if not slot or "_" in slot or "/" in slot:
        raise ValueError(f"{slot!r} cannot name metric files: use letters, digits and dashes, such as consumer-00")
    if getattr(values.ValueClass, "shared_as", None) == (slot, directory):
        return  # a second mapping of the same file would overwrite what the first one adds to it
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    gauges = directory / f"{_GAUGE_KIND}_{slot}.db"
    gauges.unlink(missing_ok=True)
    atexit.register(gauges.unlink, missing_ok=True)
    for kind in (*_KINDS, _GAUGE_KIND):
        _prepare(directory / f"{kind}_{slot}.db")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)  # where prometheus_client looks when it opens a file
    shared = values.MultiProcessValue(process_identifier=lambda: slot)  # type: ignore[no-untyped-call]
    shared.shared_as = (slot, directory)
    values.ValueClass = shared


def merge(directory: Path) -> MergedFiles:
    """Reads every file of `directory` by itself and adds up those that are sound; never raises for a bad one."""
    unreadable: list[str] = []
    files = sorted(directory.glob("*.db"))
    for _ in range(_ROUNDS):
        files, bad = _partition(files)
        unreadable += [path.name for path in bad]
        try:
            metrics = list(MultiProcessCollector.merge([str(path) for path in files]))  # type: ignore[no-untyped-call]
        except (OSError, ValueError, RuntimeError, struct.error):
            continue  # went bad between the two looks: look again
        return MergedFiles([_label_process(metric) for metric in metrics], unreadable)
    return MergedFiles([], [*unreadable, *(path.name for path in files)])


def counters_of(slot: str, directory: Path) -> Sequence[Metric]:
    """What one slot has counted in all its lives; nothing if its file is missing or cannot be read."""
    sound, _ = _partition([directory / f"counter_{slot}.db"])
    try:
        return list(MultiProcessCollector.merge([str(path) for path in sound]))  # type: ignore[no-untyped-call]
    except (OSError, ValueError, RuntimeError, struct.error):
        return []


def _prepare(path: Path) -> None:
    if path.exists() and path.stat().st_size > 0 and not _is_sound(path):
        path.rename(path.with_suffix(".corrupt"))
    with path.open("ab") as file:
        # A file in a full tmpfs kills whoever writes to its mapping (SIGBUS): take the room while it can be refused.
        os.posix_fallocate(file.fileno(), 0, _RESERVED_BYTES)


def _partition(files: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    sound: list[Path] = []
    bad: list[Path] = []
    for path in files:
        try:
            if path.stat().st_size > 0:  # an empty one is only just being made
                (sound if _is_sound(path) else bad).append(path)
        except FileNotFoundError:
            continue
    return sound, bad


def _is_sound(path: Path) -> bool:
    try:
        _check(path.read_bytes())
    except (OSError, ValueError, struct.error):
        return False
    return True


def _check(data: bytes) -> None:
    """Walks over a file's entries; `ValueError` or `struct.error` where it is not what prometheus_client writes.

    The library itself checks less: a negative length can keep it reading for ever.
    """
    (used,) = _INTEGER.unpack_from(data, 0)
    if not 0 <= used <= len(data):
        raise ValueError("claims more than the file holds")
    position = _HEADER
    while position < used:
        (length,) = _INTEGER.unpack_from(data, position)
        key = position + _INTEGER.size
        end = key + length + (8 - (length + _INTEGER.size) % 8) + _VALUE_AND_TIME
        if length <= 0 or end > used:
            raise ValueError("an entry ends beyond the file")
        metric, sample, labels, description = json.loads(data[key : key + length])
        if not isinstance(labels, dict) or not all(isinstance(text, str) for text in (metric, sample, description)):
            raise ValueError("an entry's key is not a metric's")
        position = end


def _label_process(metric: Metric) -> Metric:
    for index, sample in enumerate(metric.samples):
        if "pid" in sample.labels:
            labels = dict(sample.labels)
            labels["process"] = labels.pop("pid")
            metric.samples[index] = sample._replace(labels=labels)
    return metric
