"""Makes the peers ready to run, below a local directory; what did not change is not made again."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
_MADE_FROM = "made-from"


class ToolchainError(Exception):
    """A peer cannot run on this machine; the message says why."""


def fastapi(home: Path) -> list[str]:
    """The command line of the FastAPI peer, in an environment of its own."""
    requirements = PEERS / "fastapi-requirements.txt"
    python = home / "bin/python"

    def install() -> None:
        _run([sys.executable, "-m", "venv", "--clear", str(home)])
        options = ["--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"]
        _run([str(python), "-m", "pip", "install", *options, "--requirement", str(requirements)])

    _once(home, [requirements], install)
    return [
        *(str(python), "-m", "uvicorn", "--app-dir", str(PEERS), "--loop", "uvloop", "--http", "httptools"),
        *("--no-access-log", "--log-level", "warning", "--host", "127.0.0.1", "fastapi_app:app", "--port"),
    ]


def go(home: Path) -> list[str]:
    """The command line of the Go peer; needs `go`."""
    compiler, source, binary = _tool("go"), PEERS / "go", home / "peer"
    _once(
        home, sorted(source.iterdir()), lambda: _run([compiler, "build", "-trimpath", "-o", str(binary), "."], source)
    )
    return [str(binary)]


def node(home: Path) -> list[str]:
    """The command line of the Node peer; needs `node` and `npm`."""
    runtime, npm, source = _tool("node"), _tool("npm"), PEERS / "node"

    def install() -> None:
        for path in source.iterdir():
            shutil.copy(path, home)  # packages are looked up beside the file that imports them
        _run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], home)

    _once(home, sorted(path for path in source.iterdir() if path.is_file()), install)
    return [runtime, str(home / "server.js")]


def _once(home: Path, sources: Sequence[Path], make: Callable[[], None]) -> None:
    """Makes what belongs in `home`, unless it was made from the same sources at the same place."""
    made_from = sha256(str(home).encode())
    for source in sources:
        made_from.update(source.read_bytes())
    marker = home / _MADE_FROM
    if marker.is_file() and marker.read_text() == made_from.hexdigest():
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    make()
    marker.write_text(made_from.hexdigest())  # last: what was interrupted is made again


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise ToolchainError(f"there is no {name} on the PATH")
    return path


def _run(arguments: Sequence[str], directory: Path | None = None) -> None:
    done = subprocess.run(arguments, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise ToolchainError(f"{Path(arguments[0]).name} {arguments[1]} failed: {lines[-1]}")
