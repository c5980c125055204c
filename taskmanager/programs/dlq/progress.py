"""How far a long piece of work is."""

from collections.abc import Callable
from time import monotonic

import click

_EVERY_SECONDS = 1.0


class Progress:
    """Tells on stderr how many of `total` are done, at most once a second."""

    def __init__(self, word: str, total: int, clock: Callable[[], float] = monotonic) -> None:
        self._word = word
        self._total = total
        self._clock = clock
        self._told = clock()

    def __call__(self, done: int) -> None:
        now = self._clock()
        if now - self._told >= _EVERY_SECONDS:
            self._told = now
            click.echo(f"{self._word} {done:,} of {self._total:,}", err=True)
