"""What the pages tell readers to type exists."""

import os
import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from loadtests.bench.__main__ import main as bench
from taskmanager.__main__ import main as taskmanager
from taskmanager.config.settings import all_variables
from taskmanager.devstack.__main__ import main as stack
from taskmanager.programs.demo.command import command as demo
from tests.unit.docs.pages import PAGES, ROOT, text

_OWN_PAGES = ("README.md", "docs/architecture.md", "docs/kafka.md", "docs/decisions.md", "docs/performance.md")
_SPAN = re.compile(r"`([^`\n]+)`")
_BLOCK = re.compile(r"^ *```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
# What the scripts that are no click commands take beside the options that their help lists.
_SCRIPT_ARGUMENTS = {
    "bin/test": {"all", "unit", "architecture", "contract", "integration", "e2e", "faults"},
    "bin/check": set(),
    "bin/loadtest": set(),
    "bin/entrypoint": set(),
}


def typed(page: str) -> Iterator[str]:
    """The command lines of a page: in its console blocks and between backticks."""
    markdown = text(page)
    for block in _BLOCK.findall(markdown):
        for line in block.replace("\\\n", " ").splitlines():
            if line.lstrip().startswith("$ "):
                yield line.split("$ ", 1)[1].split(" #")[0].strip()
    yield from _SPAN.findall(markdown)


def commands(page: str, program: str) -> Iterator[list[str]]:
    """The arguments of every mention of a program, without placeholders."""
    for line in typed(page):
        for found in re.findall(rf"(?:^|[\s(\"]){re.escape(program)}((?: [^\s;&|\")]+)*)", line):
            yield [word for word in found.split() if word != "…" and not word.startswith("<")]


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_every_script_that_is_named_exists(page: str) -> None:
    for name in sorted(set(re.findall(r"(?<![\w/.-])bin/[a-z_]+", text(page)))):
        assert os.access(ROOT / name, os.X_OK), name


@pytest.mark.parametrize("page", _OWN_PAGES)
@pytest.mark.parametrize(
    ("program", "group"), [("taskmanager", taskmanager), ("bin/bench", bench), ("bin/stack", stack)]
)
def test_subcommands_and_their_options_exist(page: str, program: str, group: click.Group) -> None:
    context = click.Context(group)
    for arguments in commands(page, program):
        if not arguments or arguments[0].startswith("-"):
            continue
        command: click.Command | None = group
        while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
            name, *arguments = arguments
            command = command.get_command(context, name)
            assert command is not None, f"{program} {name}"
        assert {word for word in arguments if word.startswith("-")} <= options(command), (program, arguments)


@pytest.mark.parametrize("page", _OWN_PAGES)
def test_options_of_the_demo_exist(page: str) -> None:
    for arguments in commands(page, "bin/run"):
        assert {word for word in arguments if word.startswith("-")} <= options(demo), arguments


@pytest.mark.parametrize("page", _OWN_PAGES)
def test_arguments_of_the_scripts_are_in_their_help(page: str) -> None:
    for script, allowed in _SCRIPT_ARGUMENTS.items():
        listed = set(re.findall(r"^ +(--[a-z-]+)", text(script), re.MULTILINE))
        for arguments in commands(page, script):
            assert set(arguments) <= allowed | listed, f"{script} {' '.join(arguments)}"


@pytest.mark.parametrize("page", _OWN_PAGES)
def test_every_variable_that_is_named_exists(page: str) -> None:
    settings = {variable.name for variable in all_variables()}
    known = settings | {f"{variable.name}_FILE" for variable in all_variables() if variable.secret}
    named = {name for span in _SPAN.findall(text(page)) for name in _VARIABLE.findall(span.split("{")[0])}
    given = {name for line in typed(page) for name in re.findall(r"-e ([A-Z_]+)=", line)}
    assert named | given <= known


def test_the_readme_names_every_program_and_tool() -> None:
    listed = CliRunner().invoke(taskmanager, ["--help"]).stdout.split("Commands:")[1]
    for name in re.findall(r"^  ([a-z]+)  ", listed, re.MULTILINE):
        assert f"`{name}`" in text("README.md"), name
