"""The container image and supervisord's configuration, read as text: what must hold for both."""

import configparser
import re
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from taskmanager.config.settings import all_variables

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# Set by the entrypoint for supervisord alone; see the head of supervisord.conf.
OWN_VARIABLES = {"TASKMANAGER_RUN_DIR", "TASKMANAGER_PYTHON", "TASKMANAGER_STOP_WAIT", "CONSUMER_SPARES"}


def instructions(name: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    return re.findall(rf"^{name} (.+)$", joined, re.MULTILINE)


@pytest.fixture(scope="module")
def supervisord() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "supervisord.conf")
    return parser


def programs(supervisord: configparser.RawConfigParser) -> list[str]:
    return [name for name in supervisord.sections() if name.startswith(("program:", "eventlistener:"))]


def test_every_base_image_is_pinned_to_a_version() -> None:
    bases = [line.split()[0] for line in instructions("FROM")]
    assert len(bases) == 2
    for base in bases:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*", base), base


def test_the_container_runs_as_an_ordinary_user_given_by_number() -> None:
    (user,) = instructions("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)


def test_everything_that_is_copied_exists_and_is_let_through() -> None:
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in instructions("COPY"):
        *sources, _target = line.split()
        if sources[0].startswith("--from"):
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in let_through, source


def test_dependencies_are_installed_by_their_hashes_alone() -> None:
    (install,) = [line for line in instructions("RUN") if "pip install" in line]
    assert "--require-hashes" in install
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==", locked, re.MULTILINE)
    assert len(pins) > 20
    assert locked.count("--hash=sha256:") >= len(pins)


def test_the_entrypoint_is_run_without_a_shell_and_is_executable() -> None:
    assert instructions("ENTRYPOINT") == ['["bin/entrypoint"]']
    assert (ROOT / "bin/entrypoint").stat().st_mode & 0o111 == 0o111


def test_the_image_holds_no_secret_and_no_registry() -> None:
    assert not re.search(r"PASSWORD|SECRET|TOKEN|index-url|https?://(?!127\.0\.0\.1)", DOCKERFILE)


def test_exposed_ports_are_the_defaults_of_the_settings() -> None:
    defaults = {variable.name: variable.default for variable in all_variables()}
    assert instructions("EXPOSE") == [f"{defaults['APP_PORT']} {defaults['METRICS_PORT']}"]


def test_all_programs_but_the_listener_stop_together(supervisord: configparser.RawConfigParser) -> None:
    grouped = {f"program:{name}" for name in supervisord.get("group:taskmanager", "programs").split(",")}
    assert grouped == {name for name in programs(supervisord) if name.startswith("program:")}


def test_every_program_is_restarted_and_taken_down_with_its_children(supervisord: configparser.RawConfigParser) -> None:
    for name in programs(supervisord):
        options = dict(supervisord.items(name))
        for option in ("autorestart", "stopasgroup", "killasgroup"):
            assert options[option] == "true", (name, option)
        assert int(options["startsecs"]) == 1, name


def test_every_line_goes_to_the_containers_own_output(supervisord: configparser.RawConfigParser) -> None:
    for name in programs(supervisord):
        options = dict(supervisord.items(name))
        assert (options["stderr_logfile"], options["stderr_logfile_maxbytes"]) == ("/dev/fd/2", "0"), name
        if name.startswith("program:"):
            assert (options["stdout_logfile"], options["stdout_logfile_maxbytes"]) == ("/dev/fd/1", "0"), name


def test_supervisord_listens_on_a_private_socket_only(supervisord: configparser.RawConfigParser) -> None:
    assert "inet_http_server" not in supervisord
    assert supervisord.get("unix_http_server", "chmod") == "0600"


def test_supervisord_reads_only_variables_that_are_documented() -> None:
    text = (ROOT / "supervisord.conf").read_text(encoding="utf-8")
    known = {variable.name for variable in all_variables()}
    assert set(re.findall(r"%\(ENV_(\w+)\)s", text)) <= known | OWN_VARIABLES


def test_spare_consumers_differ_from_the_others_in_who_starts_them_alone(
    supervisord: configparser.RawConfigParser,
) -> None:
    consumer, spare = dict(supervisord.items("program:consumer")), dict(supervisord.items("program:spare-consumer"))
    assert (spare.pop("autostart"), spare.pop("numprocs_start")) == ("false", consumer["numprocs"])
    assert {name for name in consumer if consumer[name] != spare[name]} == {"numprocs"}
    assert set(spare) == set(consumer)


@pytest.mark.parametrize(("processes", "spares"), [(2, 3), (1, 0)])
def test_every_slot_is_declared_once(
    processes: int, spares: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = {
        "API_PROCESSES": 1,
        "CONSUMER_PROCESSES": processes,
        "CONSUMER_SPARES": spares,
        "TASKMANAGER_STOP_WAIT": 7,
    }
    for name, value in {**values, "TASKMANAGER_RUN_DIR": tmp_path, "TASKMANAGER_PYTHON": "python"}.items():
        monkeypatch.setenv(name, str(value))
    options = ServerOptions()
    options.realize(["-c", str(ROOT / "supervisord.conf")])
    consumers = [
        (process.name, process.autostart)
        for group in options.process_group_configs
        for process in group.process_configs
        if process.name.startswith("consumer")
    ]
    assert consumers == [(f"consumer-{slot:02d}", slot < processes) for slot in range(processes + spares)]
