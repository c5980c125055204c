"""The stack as a whole: up, down, reset, status."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from taskmanager.devstack.accounts import unprivileged_account
from taskmanager.devstack.errors import StackError
from taskmanager.devstack.info import StackInfo
from taskmanager.devstack.kafka import KafkaServer
from taskmanager.devstack.locking import exclusive
from taskmanager.devstack.paths import StackPaths, default_root, download_cache
from taskmanager.devstack.ports import becomes_free, choose
from taskmanager.devstack.postgres import PostgresServer
from taskmanager.devstack.processes import inside
from taskmanager.devstack.progress import Progress, silent
from taskmanager.devstack.reachability import is_system_home, reachable_home
from taskmanager.devstack.server import Answer, Server, bring_down, bring_up
from taskmanager.devstack.settings import StackSettings, generate, load, save


@dataclass(frozen=True)
class ServerStatus:
    """What is known of one server: `state` is up, unfinished, unresponsive or down."""

    name: str
    state: str
    pid: int | None
    ports: tuple[int, ...]
    home: str
    log: str

    def as_dict(self) -> dict[str, object]:
        """All fields."""
        return asdict(self)


def ensure_up(root: Path | None = None, *, progress: Progress = silent) -> StackInfo:
    """Leave PostgreSQL and Kafka ready and tell how to reach them, whatever state they were in.

    `root` is the local directory (`default_root()` if None). Safe to call from many processes at once. Data of a former
    run stays. Raises StackError, with the end of the server's log if one does not start.
    """
    paths = StackPaths(root or default_root())
    settings = load(paths.settings)
    if settings and all(server.ask() is Answer.READY for server in _servers(paths, settings)):
        return StackInfo.of(settings)
    with exclusive(paths.lock, lambda: progress("another process is changing the stack; waiting for it")):
        settings = _settle_settings(paths, progress)
        servers = _servers(paths, settings)
        with ThreadPoolExecutor(max_workers=len(servers)) as executor:
            starts = [executor.submit(bring_up, server, progress) for server in servers]
        for start in starts:
            start.result()
    return StackInfo.of(settings)


def current(root: Path | None = None) -> StackInfo:
    """How to reach the running stack. Raises StackError if it is not up."""
    paths = StackPaths(root or default_root())
    settings = load(paths.settings)
    if settings is None or any(server.ask() is not Answer.READY for server in _servers(paths, settings)):
        raise StackError("The stack is not up. Start it with: bin/stack up")
    return StackInfo.of(settings)


def down(root: Path | None = None, *, progress: Progress = silent) -> None:
    """Stop both servers, cleanly if they let us, and keep their data; nothing happens if they do not run."""
    paths = StackPaths(root or default_root())
    with exclusive(paths.lock, lambda: progress("another process is changing the stack; waiting for it")):
        _stop_all(paths, progress)


def reset(root: Path | None = None, *, progress: Progress = silent) -> None:
    """Stop both servers and remove their data, ports and passwords; downloads are kept."""
    paths = StackPaths(root or default_root())
    with exclusive(paths.lock, lambda: progress("another process is changing the stack; waiting for it")):
        home = _stop_all(paths, progress)
        progress(f"removing {paths.stack}")
        for directory in {paths.stack, home}:
            if directory.exists():
                shutil.rmtree(directory)


def status(root: Path | None = None) -> list[ServerStatus]:
    """The state of each server, empty before the first start."""
    paths = StackPaths(root or default_root())
    settings = load(paths.settings)
    return [_server_status(server) for server in _servers(paths, settings)] if settings else []


def _servers(paths: StackPaths, settings: StackSettings) -> tuple[Server, Server]:
    return (
        PostgresServer(
            Path(settings.postgres_home), paths.logs / "postgres.log", StackInfo.of(settings), unprivileged_account()
        ),
        KafkaServer(paths.kafka, paths.logs / "kafka.log", download_cache(paths.root), settings),
    )


def _settle_settings(paths: StackPaths, progress: Progress) -> StackSettings:
    """The remembered settings, with other ports where a stranger has taken ours."""
    settings = load(paths.settings) or generate(reachable_home(unprivileged_account(), paths.postgres))
    postgres, kafka = _servers(paths, settings)
    used = {*postgres.ports, *kafka.ports}
    if not inside(postgres.home, postgres.executables):
        settings = replace(settings, postgres_port=_still_free(settings.postgres_port, used, progress))
    if not inside(kafka.home, kafka.executables):
        settings = replace(
            settings,
            kafka_port=_still_free(settings.kafka_port, used, progress),
            controller_port=_still_free(settings.controller_port, used, progress),
        )
    save(paths.settings, settings)
    return settings


def _still_free(port: int, used: set[int], progress: Progress) -> int:
    if becomes_free(port):
        return port
    other = choose(used)
    used.add(other)
    progress(f"port {port} is taken by another program; moving to {other}")
    return other


def _stop_all(paths: StackPaths, progress: Progress) -> Path:
    """Stop everything and return the home of PostgreSQL, also when the settings are damaged or lost."""
    try:
        settings = load(paths.settings)
    except StackError as error:
        progress(str(error))
        settings = None
    if settings is None:
        settings = generate(reachable_home(unprivileged_account(), paths.postgres))
    servers = _servers(paths, settings)
    with ThreadPoolExecutor(max_workers=len(servers)) as executor:
        stops = [executor.submit(bring_down, server, progress) for server in servers]
    for stop in stops:
        stop.result()
    home = Path(settings.postgres_home)
    return home if is_system_home(home) else paths.postgres


def _server_status(server: Server) -> ServerStatus:
    answer = server.ask()
    processes = inside(server.home, server.executables)
    state = "unresponsive" if processes and answer is Answer.NONE else answer.value
    return ServerStatus(
        name=server.name,
        state=state,
        pid=processes[0].pid if processes else None,
        ports=server.ports,
        home=str(server.home),
        log=str(server.log),
    )
