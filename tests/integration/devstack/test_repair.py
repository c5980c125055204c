"""Whatever state the stack was left in, `up` mends it, and harms nobody else."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from signal import Signals

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from taskmanager.devstack import down, ensure_up
from taskmanager.devstack.accounts import run_as, unprivileged_account
from taskmanager.devstack.databases import superuser
from taskmanager.devstack.info import StackInfo
from taskmanager.devstack.kafka import KafkaServer
from taskmanager.devstack.paths import download_cache
from taskmanager.devstack.postgres import PostgresServer
from taskmanager.devstack.processes import is_running
from taskmanager.devstack.progress import silent
from taskmanager.devstack.reachability import reachable_copy, reachable_home
from taskmanager.devstack.server import Answer, bring_down, bring_up
from taskmanager.devstack.settings import generate
from taskmanager.devstack.topics import ensure_topics
from taskmanager.devstack.wheels import POSTGRES_PROGRAMS, postgres_parts

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def stranger_on(port: int) -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        yield server


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # a backend ends with its postmaster
            process.kill()


def test_killed_servers_come_back_with_their_data(root, observer):
    info = ensure_up(root)
    observer.leave_trace(info)
    before = observer.traces(info)
    ensure_topics(info.kafka_brokers, {"kept": 2})
    pids = observer.pids()
    kill([psutil.Process(pid) for pid in pids.values()])

    assert ensure_up(root) == info

    assert set(observer.pids().values()).isdisjoint(pids.values())
    assert observer.traces(info) == before
    assert kept_partitions(info) == 2


def kept_partitions(info: StackInfo) -> int:
    topics = AdminClient({"bootstrap.servers": info.kafka_brokers}).list_topics(timeout=10).topics
    return len(topics["kept"].partitions)


def test_one_killed_server_comes_back_and_the_other_is_left_alone(root, observer):
    info = ensure_up(root)
    pids = observer.pids()
    kill([psutil.Process(pids["PostgreSQL"])])

    assert ensure_up(root) == info

    assert observer.pids()["Kafka"] == pids["Kafka"]
    assert observer.pids()["PostgreSQL"] != pids["PostgreSQL"]


def test_a_stale_pid_file_that_names_a_stranger_harms_nobody(root, observer):
    ensure_up(root)
    data = observer.home("PostgreSQL") / "data"
    lines = (data / "postmaster.pid").read_text().splitlines()
    account = unprivileged_account()
    stranger = subprocess.Popen(["sleep", "60"], user=account.uid if account else None)
    try:
        kill([process for process in observer.processes() if process.name() == "postgres"])
        (data / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:], ""]))

        ensure_up(root)

        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_ports_taken_by_strangers_are_given_up(root, observer):
    before = ensure_up(root)
    observer.leave_trace(before)
    traces = observer.traces(before)
    down(root)
    kafka_port = int(before.kafka_brokers.rpartition(":")[2])

    with stranger_on(before.postgres_port), stranger_on(kafka_port):
        after = ensure_up(root)

        assert after.postgres_port != before.postgres_port
        assert after.kafka_brokers != before.kafka_brokers
        assert observer.traces(after) == traces
    assert ensure_up(root) == after


def test_half_made_data_directories_are_made_anew(root, observer):
    ensure_up(root)
    postgres, kafka = observer.home("PostgreSQL"), observer.home("Kafka")
    down(root)
    (postgres / "data" / "PG_VERSION").unlink()
    shutil.copytree(postgres / "data" / "base", postgres / "data.partial")
    (kafka / "data" / "meta.properties").unlink()
    (kafka / "data.partial").mkdir()

    messages: list[str] = []
    info = ensure_up(root, progress=messages.append)

    assert len([message for message in messages if "half-made" in message]) == 2
    assert observer.query(info.dsn("app"), "select current_user") == [(info.app_user,)]
    assert not (postgres / "data.partial").exists()
    assert not (kafka / "data.partial").exists()


def test_a_database_that_was_not_made_in_the_last_start_is_made_in_the_next(root, observer):
    info = ensure_up(root)
    with superuser(info) as cursor:
        cursor.execute(f'drop database "{info.postgres_db}" with (force)')
        cursor.execute(f'drop role "{info.app_user}"')

    ensure_up(root)

    assert observer.query(info.dsn("app"), "select current_user") == [(info.app_user,)]


def test_many_at_once_start_one_stack(root, observer):
    ensure_up(root)
    down(root)
    command = [sys.executable, "-m", "taskmanager.devstack", "up"]
    environment = {**os.environ, "TASKMANAGER_LOCAL": str(root)}

    ups = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    errors = [up.communicate()[1] for up in ups]

    assert [up.returncode for up in ups] == [0, 0, 0], errors
    assert sum("starting Kafka" in error for error in errors) == 1
    assert sum(process.name() == "java" for process in observer.processes()) == 1
    postmasters = [process for process in observer.processes() if "-D" in process.cmdline()]
    assert len(postmasters) == 1


def test_postgres_finds_a_home_where_its_account_can_go(tmp_path):
    tmp_path.chmod(0o700)
    account = unprivileged_account()
    wanted = tmp_path / "stack" / "postgres"
    home = reachable_home(account, wanted)
    assert (home == wanted) == (account is None)
    info = StackInfo.of(generate(home))
    server = PostgresServer(home, tmp_path / "postgres.log", info, account)
    try:
        bring_up(server, silent)
        assert server.ask() is Answer.READY
    finally:
        bring_down(server, silent)
        shutil.rmtree(home)


def test_programs_that_the_account_cannot_reach_are_copied(tmp_path):
    account = unprivileged_account()
    site, parts = postgres_parts()
    private = tmp_path / "private"
    for part in parts:
        shutil.copytree(site / part, private / part)
    private.chmod(0o700)

    copy = reachable_copy(account, private, parts, f"test-{os.getpid()}")
    try:
        assert (copy == private) == (account is None)
        # initdb needs the libraries beside the programs.
        initdb = run_as(account, [str(copy / POSTGRES_PROGRAMS / "bin" / "initdb"), "--version"], cwd=Path("/"))
        assert "PostgreSQL" in initdb.stdout
    finally:
        shutil.rmtree(copy)
        shutil.rmtree(private, ignore_errors=True)


def test_a_frozen_server_is_replaced(root, observer, monkeypatch):
    ensure_up(root)
    frozen = psutil.Process(observer.pids()["PostgreSQL"])
    frozen.send_signal(Signals.SIGSTOP)
    # As if it had been started long ago: a young one would be waited for.
    monkeypatch.setattr("taskmanager.devstack.server._START_SECONDS", 0.2)
    monkeypatch.setattr(PostgresServer, "stop_steps", ((Signals.SIGINT, 0.2),))

    ensure_up(root)

    assert not is_running(frozen)
    assert observer.pids()["PostgreSQL"] != frozen.pid


def test_a_cluster_id_that_looks_like_an_option_is_taken(tmp_path):
    settings = replace(generate(tmp_path / "postgres"), cluster_id="-kU3OEVBNTcwNTJENDM2Qg")
    server = KafkaServer(tmp_path / "kafka", tmp_path / "kafka.log", download_cache(tmp_path), settings)

    server.prepare(silent)

    assert "cluster.id=-kU3OEVBNTcwNTJENDM2Qg" in (tmp_path / "kafka" / "data" / "meta.properties").read_text()
