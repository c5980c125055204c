"""Free TCP ports on the loopback interface."""

import random
import socket
import time
from collections.abc import Collection

from taskmanager.devstack.errors import StackError

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.02

# Below the range from which kernels draw ports of outgoing connections (Linux: 32768 and up),
# so that a remembered port is still free at the next start.
_CANDIDATES = range(15_000, 30_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def becomes_free(port: int, seconds: float = 1.0) -> bool:
    """Whether the port is free now or within so many seconds: a killed server holds its own for a moment still."""
    deadline = time.monotonic() + seconds
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def choose(taken: Collection[int] = ()) -> int:
    """A free port that is not in `taken`. Raises StackError when there is none."""
    for port in random.sample(_CANDIDATES, k=len(_CANDIDATES)):
        if port not in taken and is_free(port):
            return port
    raise StackError(
        f"No free TCP port on {LOOPBACK} from {_CANDIDATES.start} to {_CANDIDATES.stop - 1}. Stop something."
    )
