"""Value objects: a text that passed its rule, in its normal form.

They are subclasses of `str`, so that they compare, hash and serialise at the speed of one; the constructor is the only
way in and raises `InvalidValue`.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Self

from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.urls import normalise_url

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII).fullmatch
_PLAIN_EMAIL = re.compile(
    r"[a-zA-Z0-9._%+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.ASCII
).fullmatch
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]").search
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]").search

# Bound once: a constructor that runs for every message should not look it up four times.
_text = str.__new__

EMAIL_MAX = 254
LOCAL_PART_MAX = 64
LABEL_MAX = 63
QUERY_MAX = 4096
METADATA_MAX_KEYS = 20
METADATA_KEY_MAX = 255
METADATA_VALUE_MAX = 4096


class TaskId(str):
    """A UUID of any version in canonical form, lower case."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if _UUID(value) is None:
            value = value.lower()
            if _UUID(value) is None:
                raise InvalidValue(
                    "id", "must be a UUID in canonical form, such as 0190f1c2-7a3b-7cde-8f01-23456789abcd"
                )
        return _text(cls, value)


class UserEmail(str):
    """An e-mail address, its domain in lower case; internationalised ones are allowed."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if len(value) > EMAIL_MAX:
            raise InvalidValue("userEmail", f"must have at most {EMAIL_MAX} characters")
        if _PLAIN_EMAIL(value) is None:
            value = _normalise_email(value)
            if len(value) > EMAIL_MAX:  # lower case can be longer
                raise InvalidValue("userEmail", f"must have at most {EMAIL_MAX} characters")
        return _text(cls, value)


class TaskQuery(str):
    """What the user asks for: 1 to 4096 characters once trimmed, no control characters but newline and tab."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        value = value.strip()
        if not 0 < len(value) <= QUERY_MAX:
            raise InvalidValue("userQuery", f"must have 1 to {QUERY_MAX} characters besides white space at its ends")
        if _CONTROL(value) is not None:
            raise InvalidValue("userQuery", "must not hold control characters other than newline and tab")
        return _text(cls, value)


class TaskUrl(str):
    """An http(s) address to crawl in its normal form: host in lower-case ASCII, no default port, no credentials."""

    __slots__ = ()

    def __new__(cls, value: str, *, allow_private: bool = False) -> Self:
        return _text(cls, normalise_url(value, allow_private=allow_private))


def task_metadata(value: Mapping[str, object]) -> dict[str, str]:
    """The sender's own labels: at most 20 keys of 1 to 255 characters, texts of at most 4096; raises `InvalidValue`."""
    if len(value) > METADATA_MAX_KEYS:
        raise InvalidValue("metadata", f"must have at most {METADATA_MAX_KEYS} keys")
    checked: dict[str, str] = {}
    for key, text in value.items():
        if not 0 < len(key) <= METADATA_KEY_MAX or not key.isprintable():
            raise InvalidValue("metadata", f"keys must be 1 to {METADATA_KEY_MAX} printable characters")
        if not isinstance(text, str) or len(text) > METADATA_VALUE_MAX:
            raise InvalidValue("metadata", f"values must be texts of at most {METADATA_VALUE_MAX} characters")
        if _UNSTORABLE(text) is not None:
            raise InvalidValue("metadata", "values must not hold NUL characters or lone surrogates")
        checked[key] = text
    return checked


def _normalise_email(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if not at or "@" in local:
        raise InvalidValue("userEmail", "must hold exactly one @")
    if not 0 < len(local) <= LOCAL_PART_MAX:
        raise InvalidValue("userEmail", f"must have 1 to {LOCAL_PART_MAX} characters before the @")
    if " " in value or not value.isprintable():
        raise InvalidValue("userEmail", "must not hold spaces or control characters")
    domain = domain.lower()
    labels = domain.split(".")
    if len(labels) < 2 or not all(_is_label(label) for label in labels):
        raise InvalidValue("userEmail", "must have a domain of dot-separated labels after the @")
    return f"{local}@{domain}"


def _is_label(label: str) -> bool:
    """Letters, digits and hyphens, these not at the ends; marks too, without which many scripts have no words."""
    if not 0 < len(label) <= LABEL_MAX or label.startswith("-") or label.endswith("-"):
        return False
    return all(char == "-" or char.isalnum() or unicodedata.category(char).startswith("M") for char in label)
