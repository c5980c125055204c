"""Apache Kafka's jars from Maven Central, downloaded once."""

import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import orjson

from taskmanager.devstack.errors import StackError
from taskmanager.devstack.locking import exclusive
from taskmanager.devstack.progress import Progress
from taskmanager.devstack.wheels import java_home

# slf4j-simple, because Kafka's own logging back end wants a configuration file.
ENDPOINT = "org.apache.kafka:kafka_2.13:4.3.1+org.slf4j:slf4j-simple:1.7.36"
_LABEL = "kafka-4.3.1"


def class_path(cache: Path, progress: Progress) -> list[Path]:
    """All jars of Kafka, after downloading what is missing below `cache`. Raises StackError."""
    manifest = cache / _LABEL / "jars.json"
    jars = _whole(manifest)
    if jars is None:
        with exclusive(cache / f"{_LABEL}.lock", lambda: progress("another process is downloading Kafka; waiting")):
            jars = _whole(manifest)
            if jars is None:
                progress("downloading Apache Kafka 4.3.1 from Maven Central (about 45 MB, once)")
                _download(manifest.parent)
                jars = _whole(manifest)
    if jars is None:
        raise StackError(f"The download of Kafka is not whole. Remove {manifest.parent} and try again.")
    return jars


def _whole(manifest: Path) -> list[Path] | None:
    try:
        sizes = {manifest.parent / path: size for path, size in orjson.loads(manifest.read_bytes()).items()}
        return list(sizes) if all(path.stat().st_size == size for path, size in sizes.items()) else None
    except (OSError, orjson.JSONDecodeError):
        return None


def _download(directory: Path) -> None:
    """Run this module as a program: jgo reads its settings and looks for Java in the environment."""
    java = java_home()
    environment = {
        **os.environ,
        # Without these jgo fetches a JDK of its own to classify the jars.
        "JAVA_HOME": str(java),
        "PATH": os.pathsep.join([str(java / "bin"), os.environ.get("PATH", os.defpath)]),
        "M2_REPO": str(directory / "repository"),
    }
    if "SSL_CERT_FILE" in environment:  # which the HTTP client of jgo does not look at
        environment.setdefault("REQUESTS_CA_BUNDLE", environment["SSL_CERT_FILE"])
    command = [sys.executable, "-W", "ignore", "-m", "taskmanager.devstack.kafka_jars", str(directory)]
    try:
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)
    except subprocess.CalledProcessError as error:
        raise StackError(
            "Kafka could not be downloaded from Maven Central (see above). Check the network, HTTPS_PROXY and "
            "SSL_CERT_FILE, then try again: what has arrived is kept."
        ) from error


class _Advance(Protocol):
    def __call__(self, count: int) -> None: ...


@contextmanager
def _announce(name: str, size: int) -> Iterator[_Advance]:
    def ignore(count: int) -> None:
        del count

    if size >= 100_000:
        sys.stderr.write(f"  {name} ({size / 1e6:.1f} MB)\n")
        sys.stderr.flush()
    yield ignore


def _drop_partial_files(repository: Path) -> None:
    """jgo writes downloads in place and trusts whatever file it finds: an interrupted one would stay for ever."""
    for path in repository.rglob("*"):
        if path.is_file() and not (path.suffix == ".jar" and zipfile.is_zipfile(path)):
            path.unlink()


def main(directory: Path) -> None:
    """Resolve, download and list the jars in `directory`."""
    # Heavy, and they warn on import: only in this process.
    import jgo
    from jgo.maven import PythonResolver

    logging.disable(logging.WARNING)  # it misses the tool `jar` and does well without
    _drop_partial_files(directory / "repository")
    environment = jgo.build(
        ENDPOINT, update=True, cache_dir=directory, resolver=PythonResolver(progress_callback=_announce)
    )
    sizes = {str(jar.relative_to(directory)): jar.stat().st_size for jar in environment.all_jars}
    partial = directory / "jars.partial"
    partial.write_bytes(orjson.dumps(sizes))
    partial.replace(directory / "jars.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
