"""The group of subcommands."""

import click

from taskmanager.programs.offsets.reset import reset
from taskmanager.programs.offsets.show import show


@click.group(name="offsets")
def command() -> None:
    """Show or reset how far the topics have been read.

    Where a partition is read on is stored in the database, in the same transaction as the effects of its messages. A
    consumer stops reading a partition whose stored offset does not fit its topic any more, and goes on with the others:
    what to leave out or to read again is for you to decide.

    \b
    Examples:
      taskmanager offsets show
      taskmanager offsets reset --topic task-status --partition 3 --to earliest --dry-run
    """


command.add_command(show)
command.add_command(reset)
