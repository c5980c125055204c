"""Bytes that anybody may have sent, as something that a terminal can show."""

import base64
from collections.abc import Iterator

_SHOWN_MAX = 4096
_ROW = 16


def line(value: bytes | str | None) -> str:
    """One line of printable characters; everything else is written with a backslash, so that no terminal obeys it."""
    if value is None:
        return "(none)"
    try:
        text = value if isinstance(value, str) else value.decode()
    except UnicodeDecodeError as error:
        return f"{error.object.hex(' ')} (not UTF-8)"
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def dump(value: bytes) -> Iterator[str]:
    """The beginning of a value: its lines if it is UTF-8, else in hexadecimal with what of it is ASCII."""
    shown = value[:_SHOWN_MAX]
    try:
        # A character that the limit cuts does not make a text something else.
        text = shown.decode("utf-8", "strict" if len(shown) == len(value) else "ignore")
        value.decode()
    except UnicodeDecodeError:
        for start in range(0, len(shown), _ROW):
            row = shown[start : start + _ROW]
            ascii_text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            yield f"{start:08x}  {row.hex(' '):<{3 * _ROW - 1}}  {ascii_text}"
    else:
        for part in text.split("\n") if text else ():
            yield line(part)
    if len(value) > len(shown):
        yield f"({len(value) - len(shown):,} bytes more: --raw writes them all)"


def in_json(value: bytes | None) -> str | dict[str, str] | None:
    """The text, or an object with the base64 of what is not UTF-8."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode() if character != "\u00a0" else character
