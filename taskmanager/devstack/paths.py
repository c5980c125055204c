"""Where the stack keeps its files."""

import os
from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class StackPaths:
    """The files of the stack below one local directory (`.local` of the checkout by default)."""

    root: Path

    @property
    def stack(self) -> Path:
        """Everything that `reset` removes."""
        return self.root / "stack"

    @property
    def settings(self) -> Path:
        """Ports and passwords, readable by the owner alone."""
        return self.stack / "settings.json"

    @property
    def logs(self) -> Path:
        """One log file per server."""
        return self.stack / "logs"

    @property
    def lock(self) -> Path:
        """Held while the stack changes; not in `stack`, because `reset` must not remove a lock that others wait for."""
        return self.root / "stack.lock"

    @property
    def kafka(self) -> Path:
        """Kafka's home: configuration and data."""
        return self.stack / "kafka"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's home, unless its account cannot come here (see `reachability.reachable_home`)."""
        return self.stack / "postgres"


def default_root() -> Path:
    """The local directory: `TASKMANAGER_LOCAL` if set, else `.local` of the checkout."""
    override = os.environ.get("TASKMANAGER_LOCAL")
    return Path(override).expanduser().absolute() if override else _CHECKOUT / ".local"


def download_cache(root: Path) -> Path:
    """The directory for downloads, shared by all checkouts of a user and kept by `reset`."""
    configured = os.environ.get("XDG_CACHE_HOME")
    try:
        parent = Path(configured) if configured else Path.home() / ".cache"
        cache = parent / "taskmanager"
        cache.mkdir(parents=True, exist_ok=True)
        writable = os.access(cache, os.W_OK)
    except (OSError, RuntimeError):  # no home directory, or one that cannot be written
        writable = False
    if writable:
        return cache
    cache = root / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    return cache
