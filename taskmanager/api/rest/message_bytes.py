"""Bytes that anybody may have sent, in JSON: a text where they are UTF-8, else base64."""

import base64
import binascii
from typing import Annotated

import msgspec

from taskmanager.domain.errors import InvalidValue


class Base64(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that are no text."""

    base64: Annotated[str, msgspec.Meta(extra_json_schema={"contentEncoding": "base64"}, examples=["AP8="])]


Bytes = str | Base64


def shown(value: bytes | None) -> Bytes | None:
    """The text, or the base64 of what is not UTF-8."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Base64(base64.b64encode(value).decode())


def given(name: str, value: Bytes) -> bytes:
    """What is meant by a member of this name; raises `InvalidValue`."""
    if isinstance(value, str):
        return value.encode()
    try:
        return base64.b64decode(value.base64, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue(name, "must be base64 with its padding") from None
