"""The command line: `python -m taskmanager <program>`; a program's module is imported only when it is used."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from taskmanager import __version__
from taskmanager.config.errors import ConfigurationError
from taskmanager.infrastructure.telemetry.masking import mask_text

_PROGRAMS = {
    "api": "Serve the REST interface, health checks and documentation.",
    "consumer": "Take requests and reports from Kafka into the database.",
    "relay": "Publish events and dead letters from the database to Kafka.",
    "housekeeper": "Apply the rules that go by time.",
    "metrics": "Serve the metrics of all processes at one address.",
    "guard": "Keep the other programs going, and end the container when one cannot be kept alive.",
    "scale": "Change the number of consumers in a running container.",
    "migrate": "Bring the database's schema up to date.",
    "verify": "Prove that the history in the database is complete and consistent.",
    "config": "Show every setting in force and where it comes from.",
    "offsets": "Show or reset how far the topics have been read.",
    "keys": "Make, show and revoke the API keys of the REST interface.",
    "tasks": "Create, show, watch and change tasks by way of the REST interface.",
    "dlq": "Show, replay or discard dead letters.",
}

_USAGE = 64
_INTERNAL = 70
_CONFIGURATION = 78
_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported on use, and whose exit codes are those of ExitCode."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """The programs that are installed, in the order of their documentation."""
        return [name for name in _PROGRAMS if find_spec(_module(name))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command's module; None if there is no such command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(_module(cmd_name)).command
        assert isinstance(command, click.Command)  # noqa: S101 - a mistake of ours, not of the user
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _PROGRAMS[name]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Turns errors into one line and an exit code; with --debug an unknown error keeps its traceback."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except ConfigurationError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(_CONFIGURATION)
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            text = mask_text(" ".join(str(error).split()))
            click.echo(f"error: {type(error).__name__}: {text} (--debug shows where)", err=True)
            ctx.exit(_INTERNAL)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs the command line and exits; an integer that a command returns is the exit code."""
        try:
            result = super().main(*args, **extra | {"standalone_mode": False})
        except click.UsageError as error:
            error.show()
            sys.exit(_USAGE)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(_INTERRUPTED)
        sys.exit(int(result) if isinstance(result, int) else 0)


def _module(program: str) -> str:
    return f"taskmanager.programs.{program}"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="taskmanager")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
def main(debug: bool) -> None:
    """Follow web-crawl tasks from a Kafka gateway to the workers and back, exactly once.

    Every program reads its settings from the environment: `taskmanager config` shows them.

    \b
    Exit codes: 0 done, 64 wrong usage, 70 internal failure, 75 a dependency is not there yet,
    78 bad configuration, 124 drain timed out, 130/143 ended at once by a second signal.
    """


if __name__ == "__main__":
    main(prog_name="taskmanager")
