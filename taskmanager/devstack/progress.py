"""How long-running steps tell what they are doing."""

from collections.abc import Callable

Progress = Callable[[str], None]


def silent(message: str) -> None:
    """Drop the message."""
    del message
