"""Checks of single values that several sections share; each raises ValueError with what is allowed."""

import os
import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

TOPIC_RULE = "1 to 249 of a-z A-Z 0-9 . _ -, not . or .."
HOST_RULE = "one host name or address"
LIST_RULE = "values separated by commas"

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_HOST = re.compile(r"[A-Za-z0-9_.:%-]{1,253}")


def topic_name(value: str) -> str:
    """A name that Kafka accepts for a topic."""
    if not _TOPIC.fullmatch(value) or value in {".", ".."}:
        raise ValueError(f"must be a Kafka topic name: {TOPIC_RULE}")
    return value


def host_name(value: str) -> str:
    """A host name or an address, without port; several hosts are refused."""
    if not _HOST.fullmatch(value):
        raise ValueError(f"must be {HOST_RULE}, without a port or a list")
    return value


def readable_file(value: str) -> str:
    """The path of a file that this process may read."""
    if not os.access(value, os.R_OK) or os.path.isdir(value):  # noqa: PTH112 - a path with NUL must not raise here
        raise ValueError("must name a file that this process may read")
    return value


def comma_separated(value: object) -> object:
    """`a, b` as ("a", "b"); anything but text is left as it is."""
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Topic = Annotated[str, AfterValidator(topic_name)]
Host = Annotated[str, AfterValidator(host_name)]
ReadableFile = Annotated[str, AfterValidator(readable_file)]
CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(comma_separated)]
