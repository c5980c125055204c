"""Peers that are made ready, or left out with a word."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtests.bench.__main__ import main
from loadtests.bench.api import toolchains
from loadtests.bench.api.toolchains import PEERS, ToolchainError


@pytest.mark.parametrize(("prepare", "tool"), [(toolchains.go, "go"), (toolchains.node, "node")])
def test_a_peer_without_its_toolchain_is_left_out(
    prepare: object, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolchainError, match=f"there is no {tool} on the PATH"):
        prepare(tmp_path / "home")  # type: ignore[operator]


def _fake_compiler(directory: Path, script: str) -> None:
    directory.mkdir()
    compiler = directory / "go"
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)


def test_a_failed_build_tells_its_last_line_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_compiler(tmp_path / "bin", "echo first >&2; echo 'no such module' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    for _ in range(2):
        with pytest.raises(ToolchainError, match="go build failed: no such module"):
            toolchains.go(tmp_path / "home")


def test_what_was_built_is_kept_until_its_sources_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = tmp_path / "builds"
    _fake_compiler(tmp_path / "bin", f"echo built >>{builds}")
    sources = tmp_path / "peers"
    (sources / "go").mkdir(parents=True)
    (sources / "go/main.go").write_text("package main")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(toolchains, "PEERS", sources)

    commands = [toolchains.go(tmp_path / "home") for _ in range(2)]
    assert commands == [[str(tmp_path / "home/peer")]] * 2
    assert builds.read_text().count("built") == 1

    (sources / "go/main.go").write_text("package main // changed")
    toolchains.go(tmp_path / "home")
    assert builds.read_text().count("built") == 2


def test_every_package_of_a_peer_is_pinned_by_its_hash() -> None:
    packages = json.loads((PEERS / "node/package-lock.json").read_text())["packages"]
    assert len(packages) > 1
    assert all("integrity" in package for name, package in packages.items() if name)
    assert not any("resolved" in package for package in packages.values())

    requirements = (PEERS / "fastapi-requirements.txt").read_text().replace("\\\n", "")
    lines = [line for line in requirements.splitlines() if not line.lstrip().startswith("#")]
    assert len(lines) > 6
    assert all("==" in line and "--hash=sha256:" in line for line in lines)


@pytest.mark.parametrize("names", ["go,perl", " ", "perl"])
def test_servers_that_are_not_known_are_refused_with_those_that_are(names: str) -> None:
    result = CliRunner().invoke(main, ["api", "--only", names])

    assert result.exit_code == 2
    assert "choose of taskmanager, fastapi, go, node" in result.output
