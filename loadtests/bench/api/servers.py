"""The servers under measurement, each as a process of its own on a database of its own."""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple
from urllib.parse import quote

import psutil

from loadtests.bench.api import toolchains
from taskmanager.devstack import StackInfo

OURS = "taskmanager"
_TOOLCHAINS: Mapping[str, Callable[[Path], list[str]]] = {
    "fastapi": toolchains.fastapi,
    "go": toolchains.go,
    "node": toolchains.node,
}
NAMES = (OURS, *_TOOLCHAINS)
_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05


class Launch(NamedTuple):
    """How a server is started, and the token that it lets in."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    token: str


def launch(name: str, local: Path, info: StackInfo, database: str, port: int) -> Launch:
    """Prepares a server; raises `toolchains.ToolchainError` where it cannot run.

    `local` is a directory for what is built; the database is migrated.
    """
    if name == OURS:
        return _ours(info, database, port)
    arguments = _TOOLCHAINS[name](local / name)
    if name == "fastapi":
        arguments.append(str(port))
    token = secrets.token_urlsafe(32)
    login = f"{quote(info.app_user, safe='')}:{quote(info.app_password, safe='')}"
    environment = {
        "PEER_DSN": f"postgresql://{login}@{info.postgres_host}:{info.postgres_port}/{database}",
        "PEER_PORT": str(port),
        "PEER_SQL": str(toolchains.PEERS),
        "PEER_TOKEN_SHA256": sha256(token.encode()).hexdigest(),
    }
    return Launch(arguments, environment, token)


def _ours(info: StackInfo, database: str, port: int) -> Launch:
    program = [sys.executable, "-m", "taskmanager"]
    environment = info.environment() | {
        "APP_HOST": "127.0.0.1",
        "APP_PORT": str(port),
        "AUTH_MODE": "keys",
        "POSTGRES_DB": database,
    }
    made = subprocess.run(
        [*program, "keys", "create", "--role", "writer", "--name", "bench", "--json"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"no API key could be made: exit code {made.returncode}")
    return Launch([*program, "api"], environment, json.loads(made.stdout)["key"])


@contextmanager
def serving(launched: Launch, port: int, log: Path) -> Iterator[psutil.Process]:
    """The server while the block lasts, from when it listens.

    Raises `RuntimeError` that names its log if it does not come up, or ended by itself.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            launched.arguments,
            env={**os.environ, **launched.environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = monotonic() + _START_SECONDS
        while not _listens(port):
            if process.poll() is not None or monotonic() > deadline:
                raise RuntimeError(f"the server did not come up; its log: {log}")
            sleep(_POLL_SECONDS)
        yield psutil.Process(process.pid)
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with exit code {process.returncode}; its log: {log}")
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
