"""From nothing to a running appliance, and back to nothing."""

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from functools import partial
from signal import Signals

import psycopg2
from confluent_kafka import KafkaException

from taskmanager.config.errors import ConfigurationError
from taskmanager.config.settings import Settings, load_settings
from taskmanager.devstack import StackError, StackInfo, default_root
from taskmanager.infrastructure.postgres.migrations import MigrationError
from taskmanager.infrastructure.postgres.migrator import Migrator
from taskmanager.programs.demo.appliance import LOOPBACK, Appliance, appliance_environment, check_port, free_port
from taskmanager.programs.demo.errors import DemoError
from taskmanager.programs.demo.interruption import Interruption
from taskmanager.programs.demo.observer import Observer
from taskmanager.programs.demo.options import Options
from taskmanager.programs.demo.player import Player
from taskmanager.programs.demo.published import Recogniser
from taskmanager.programs.demo.run import Outcome, Run
from taskmanager.programs.demo.stack_lease import StackLease
from taskmanager.programs.demo.view import View
from taskmanager.programs.demo.watch import Watch
from taskmanager.programs.demo.workspace import Workspace, forget_old_logs, sole_user

_MIGRATION_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a session ended: with an outcome, or at a signal."""

    outcome: Outcome | None
    signal: Signals | None


class Session:
    """Everything between the first note and the last; leaves nothing running that it started."""

    def __init__(self, options: Options, view: View) -> None:
        self._options = options
        self._view = view
        self._workspace = options.make_workspace()
        self._root = default_root()
        self._directory = self._root / "demo" / self._workspace.database
        self._appliance: Appliance | None = None

    async def run(self) -> Ending:
        """Starts all, plays, stops all. Raises `DemoError`."""
        interruption = Interruption(self._hurry)
        port = check_port(self._options.port) if self._options.port is not None else free_port()
        forget_old_logs(self._directory.parent)
        async with AsyncExitStack() as cleanup:
            cleanup.enter_context(sole_user(self._directory, self._workspace))
            info = await self._take_stack(cleanup)
            if interruption.stop.is_set():
                return Ending(None, interruption.signal)
            topics = await self._prepare(info, cleanup)
            appliance = self._appliance = Appliance(self._directory / "appliance.log")
            cleanup.push_async_callback(self._stop_appliance, appliance)
            settings = {
                **info.environment(),
                **self._workspace.environment(),
                **self._options.leases(os.environ),
                "APP_HOST": LOOPBACK,
                "APP_PORT": str(port),
                "METRICS_HOST": LOOPBACK,
                "METRICS_PORT": str(free_port()),
            }
            environment = appliance_environment(os.environ, settings, appliance.run_directory, self._options.consumers)
            app = _settings_of(environment).app
            spares = str(app.consumer_slots - app.consumer_processes)
            await appliance.start({**environment, "CONSUMER_SPARES": spares})
            looking = cleanup.enter_context(ThreadPoolExecutor(1))
            observer = Observer(info.dsn("app", self._workspace.database), info.kafka_brokers, topics)
            cleanup.push_async_callback(partial(asyncio.get_running_loop().run_in_executor, looking, observer.close))
            recogniser = Recogniser(app.name, topics)
            run = Run(
                self._options,
                self._workspace,
                appliance,
                Watch(observer, looking, self._view, appliance.consumers, self._addresses(settings, appliance)),
                Player(info.kafka_brokers, self._workspace.topics, recogniser.announce),
                recogniser,
                info.kafka_brokers,
                interruption.stop,
            )
            outcome = await _unless_it_fails(run, appliance, once=self._options.once)
            self._view.close()
        return Ending(outcome, interruption.signal)

    async def _take_stack(self, cleanup: AsyncExitStack) -> StackInfo:
        lease = StackLease(self._root, self._root / "demo", self._view.note)
        cleanup.push_async_callback(self._tidily, lease.give_back)
        try:
            return await asyncio.to_thread(lease.take)
        except StackError as error:
            raise DemoError(f"the embedded stack does not start: {error}") from error

    async def _prepare(self, info: StackInfo, cleanup: AsyncExitStack) -> dict[str, int]:
        workspace = self._workspace
        if workspace.passing:
            cleanup.push_async_callback(self._tidily, lambda: workspace.drop(info))
        self._view.note(f"preparing the database {workspace.database!r} and the topics")
        try:
            return await asyncio.to_thread(workspace.prepare, info, lambda: _migrate(info, workspace))
        except (psycopg2.Error, KafkaException) as error:
            raise DemoError(f"database and topics cannot be made: {error}; bin/stack reset starts afresh") from error

    async def _stop_appliance(self, appliance: Appliance) -> None:
        self._view.close()
        self._view.note("stopping the appliance")
        await appliance.stop()

    async def _tidily(self, step: Callable[[], object]) -> None:
        """Runs a step of the way down; one that fails is told and does not keep the others from running."""
        try:
            await asyncio.to_thread(step)
        except (StackError, psycopg2.Error, KafkaException) as error:
            self._view.note(f"while tidying up: {error}")

    def _hurry(self) -> None:
        if self._appliance is not None:
            self._appliance.kill()

    def _addresses(self, settings: Mapping[str, str], appliance: Appliance) -> tuple[tuple[str, str], ...]:
        api = f"http://{LOOPBACK}:{settings['APP_PORT']}/api"
        return (
            ("api", f"{api}/docs"),
            ("health", f"{api}/health/detailed"),
            ("metrics", f"http://{LOOPBACK}:{settings['METRICS_PORT']}/metrics"),
            ("database", f"{settings['POSTGRES_DB']} at {settings['POSTGRES_HOST']}:{settings['POSTGRES_PORT']}"),
            ("topics", f"{', '.join(self._workspace.topics.values())} at {settings['KAFKA_BROKERS']}"),
            ("log", str(appliance.log)),
        )


async def _unless_it_fails(run: Run, appliance: Appliance, *, once: bool) -> Outcome | None:
    """The outcome of the run; raises what the appliance says if it ends before the run does."""
    playing: asyncio.Task[Outcome | None] = asyncio.create_task(run.once() if once else run.serve())
    failing = asyncio.create_task(appliance.failure())
    await asyncio.wait({playing, failing}, return_when=asyncio.FIRST_COMPLETED)
    if playing.done() or run.stop.is_set():
        failing.cancel()
        return await playing
    playing.cancel()
    await asyncio.wait({playing})
    raise failing.result()


def _settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings of all programs; tells at once what they would die of."""
    try:
        return load_settings(environment)
    except ConfigurationError as error:
        raise DemoError(f"the environment holds settings that cannot be:\n{error}") from None


def _migrate(info: StackInfo, workspace: Workspace) -> None:
    with closing(psycopg2.connect(info.dsn("owner", workspace.database), connect_timeout=5)) as connection:
        try:
            Migrator(connection, info.app_user).migrate(wait=_MIGRATION_SECONDS)
        except MigrationError as error:
            raise DemoError(
                f"the database {workspace.database!r} cannot be brought up to date: {error} "
                "(--once without --keep plays on a fresh one; bin/stack reset forgets all of them)"
            ) from error
