"""Texts that anybody may have written, as a terminal may show them."""

from collections.abc import Sequence


def line(text: str) -> str:
    """One line of printable characters; everything else is written with a backslash, so that no terminal obeys it."""
    return text if text.isprintable() else "".join(map(_shown, text))


def shortened(text: str, most: int | None) -> str:
    """A line of at most so many characters; None: as long as it is."""
    text = line(text)
    return text if most is None or len(text) <= most else f"{text[: max(most - 1, 0)]}…"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows with their columns one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
