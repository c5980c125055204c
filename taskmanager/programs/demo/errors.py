"""What the demo tells instead of a traceback."""

import os

import click


class DemoError(click.ClickException):
    """The demo cannot go on; the message names the mistake and the remedy."""

    exit_code = os.EX_UNAVAILABLE


class WrongUsageError(DemoError):
    """Flags that exclude each other, or a value that cannot be."""

    exit_code = os.EX_USAGE


class BadFileError(DemoError):
    """A file that cannot be played."""

    exit_code = os.EX_DATAERR
