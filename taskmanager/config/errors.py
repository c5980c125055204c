"""The one error that a bad environment leads to."""

from collections.abc import Sequence
from dataclasses import dataclass

_LONGEST_VALUE = 80


@dataclass(frozen=True, slots=True)
class Mistake:
    """One bad variable; `value` is masked already if it is a secret, None if the variable is not set."""

    name: str
    value: str | None
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}{_shown(self.value)}: {self.remedy}"


class ConfigurationError(Exception):
    """The environment holds mistakes; `mistakes` lists every one of them, and the text gives each a line."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = f"{len(self.mistakes)} mistake{'' if len(self.mistakes) == 1 else 's'}"
        super().__init__(
            "\n".join([f"The configuration holds {count}:", *(f"  {mistake}" for mistake in self.mistakes)])
        )


def _shown(value: str | None) -> str:
    if value is None:
        return " (not set)"
    # repr escapes line breaks and lone surrogates, so that a mistake stays one printable line.
    return f"={value!r}" if len(value) <= _LONGEST_VALUE else f"={value[:_LONGEST_VALUE]!r}…"
