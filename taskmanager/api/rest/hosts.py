"""Hosts in filters."""

from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.urls import normalise_url


def normal_host(host: str) -> str:
    """The host as addresses in their normal form name it; raises `InvalidValue`."""
    if any(mark in host for mark in "/?#"):
        raise InvalidValue("host", "must be a host, with its port unless that is the default one: example.com:8080")
    try:
        return normalise_url(f"http://{host}/", allow_private=True).split("/")[2]
    except InvalidValue as error:
        raise InvalidValue("host", error.problem) from None
