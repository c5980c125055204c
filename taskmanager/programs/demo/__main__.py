"""`python -m taskmanager.programs.demo`, which `bin/run` calls."""

import os
import sys

import click

from taskmanager.programs.demo.command import command


def main() -> None:
    """Runs the command and exits with its code."""
    try:
        code = command.main(prog_name="bin/run", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(os.EX_USAGE if isinstance(error, click.UsageError) else error.exit_code)
    except click.Abort:
        sys.exit(130)
    sys.exit(code)


if __name__ == "__main__":
    main()
