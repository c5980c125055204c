"""Directories that the account of PostgreSQL can reach, wherever the checkout lies."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from taskmanager.devstack.accounts import Account, run_as

_SYSTEM_DATA = Path("/var/lib/taskmanager-stack")
_SYSTEM_CACHE = Path("/var/cache/taskmanager-stack")


def can_enter(account: Account | None, directory: Path) -> bool:
    """Whether this account may read the directory and reach what is in it."""
    check = 'test -r "$0" && test -x "$0"'
    return run_as(account, ["/bin/sh", "-c", check, str(directory)], cwd=Path("/")).returncode == 0


def reachable_home(account: Account | None, wanted: Path) -> Path:
    """`wanted`, or a system directory derived from it if the account may not traverse its parents (as below /root)."""
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if can_enter(account, wanted.parent):
        return wanted
    return _SYSTEM_DATA / hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]


def is_system_home(home: Path) -> bool:
    """Whether `reachable_home` put this home outside the checkout."""
    return home.parent == _SYSTEM_DATA


def own(account: Account | None, directory: Path) -> None:
    """Make the directory, private to the account."""
    for parent in reversed([p for p in directory.parents if not p.exists()]):
        parent.mkdir(exist_ok=True)
        parent.chmod(0o755)
    directory.mkdir(exist_ok=True)
    if account:
        os.chown(directory, account.uid, account.gid)
    directory.chmod(0o700)


def reachable_copy(account: Account | None, root: Path, parts: Sequence[str], label: str) -> Path:
    """`root`, or a directory in the system's cache with a copy of these parts of it that the account can read.

    The parts keep their places relative to each other: programs find their libraries by that.
    """
    if all(can_enter(account, root / part) for part in parts):
        return root
    copy = _SYSTEM_CACHE / label
    if not copy.exists():
        _SYSTEM_CACHE.mkdir(parents=True, exist_ok=True)
        _SYSTEM_CACHE.chmod(0o755)
        partial = copy.with_name(f"{label}.{os.getpid()}.partial")
        for part in parts:
            shutil.copytree(root / part, partial / part, symlinks=True)
        for path in (partial, *partial.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        try:
            partial.rename(copy)
        except OSError:  # another stack was quicker
            shutil.rmtree(partial)
    return copy
