"""Up, down, reset, and what is there in between."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg2
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from taskmanager.devstack import StackError, current, down, ensure_up, reset, status
from taskmanager.devstack.databases import create_database, drop_database
from taskmanager.devstack.processes import is_running
from taskmanager.devstack.topics import create_topics, delete_topics, ensure_topics

pytestmark = pytest.mark.integration


def test_up_again_changes_nothing(root, observer):
    first = ensure_up(root)
    pids = observer.pids()

    assert ensure_up(root) == first
    assert observer.pids() == pids
    assert all(pids.values())


def test_it_listens_on_loopback_alone(root, observer):
    ensure_up(root)

    listening = {
        connection.laddr.ip
        for process in observer.processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_servers_are_in_a_session_of_their_own(root, observer):
    ensure_up(root)

    assert os.getsid(0) not in {os.getsid(process.pid) for process in observer.processes()}


def test_postgres_is_durable_and_runs_unprivileged(root, observer):
    info = ensure_up(root)

    settings = dict(
        observer.query(
            info.dsn(),
            "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')",
        )
    )

    assert settings == {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    assert 0 not in {process.uids().real for process in observer.processes() if process.name() == "postgres"}


def test_the_owner_migrates_and_the_app_may_do_nothing_yet(root, observer):
    info = ensure_up(root)
    observer.query(info.dsn("owner"), "create table if not exists owned (n int)")

    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        observer.query(info.dsn("app"), "select * from owned")
    privileges = "select rolname from pg_roles where rolname ~ '^taskmanager' and (rolsuper or rolcreaterole)"
    assert observer.query(info.dsn(), privileges) == []


def test_a_wrong_password_is_refused(root, observer):
    info = ensure_up(root)

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        observer.query(info.dsn("app").replace(info.app_password, "wrong"), "select 1")


def test_a_scratch_database_is_a_copy_of_its_template(root, observer):
    info = ensure_up(root)
    create_database(info, "origin")
    observer.query(info.dsn("owner", "origin"), "create table thing as select 42 as n")

    create_database(info, "copy", template="origin")

    assert observer.query(info.dsn("owner", "copy"), "select n from thing") == [(42,)]
    drop_database(info, "copy")
    drop_database(info, "origin")
    drop_database(info, "origin")
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        observer.query(info.dsn("owner", "copy"), "select 1")


def test_topics_are_made_once_and_removed(root):
    brokers = ensure_up(root).kafka_brokers
    admin = AdminClient({"bootstrap.servers": brokers})
    create_topics(brokers, {"tall": 3, "small": 1}, {"max.message.bytes": "2000000"})
    ensure_topics(brokers, {"tall": 5, "other": 2})

    with pytest.raises(KafkaException):
        create_topics(brokers, {"tall": 3})
    topics = admin.list_topics(timeout=10).topics
    assert {name: len(topics[name].partitions) for name in ("tall", "small", "other")} == {
        "tall": 3,
        "small": 1,
        "other": 2,
    }

    delete_topics(brokers, ["tall", "small", "other", "never there"])
    assert not {"tall", "small", "other"} & admin.list_topics(timeout=10).topics.keys()


def test_env_prints_exports_that_a_shell_understands(root):
    info = ensure_up(root)
    environment = {**os.environ, "TASKMANAGER_LOCAL": str(root)}
    command = [sys.executable, "-m", "taskmanager.devstack", "env"]

    script = 'eval "$("$@")" && printf "%s " "$POSTGRES_USER" "$POSTGRES_PASSWORD" "$POSTGRES_PORT" "$KAFKA_BROKERS"'
    shell = subprocess.run(["/bin/sh", "-c", script, "sh", *command], env=environment, capture_output=True, check=True)
    as_json = subprocess.run([*command, "--json"], env=environment, capture_output=True, check=True)

    assert shell.stdout.decode().split() == [
        info.app_user,
        info.app_password,
        str(info.postgres_port),
        info.kafka_brokers,
    ]
    assert json.loads(as_json.stdout) == info.as_dict()


def test_down_leaves_nothing_running_and_keeps_the_data(root, observer):
    info = ensure_up(root)
    observer.leave_trace(info)
    before = observer.traces(info)
    processes = observer.processes()

    down(root)
    down(root)

    assert not any(is_running(process) for process in processes)
    assert {server.state for server in status(root)} == {"down"}
    with pytest.raises(StackError, match="bin/stack up"):
        current(root)
    assert observer.traces(ensure_up(root)) == before


def test_reset_forgets_everything(root, observer):
    processes = observer.processes()

    reset(root)
    reset(root)

    assert not any(is_running(process) for process in processes)
    assert status(root) == []
    assert {path.name for path in Path(root).iterdir()} <= {"stack.lock", "cache"}
