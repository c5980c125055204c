"""Lets in whoever is on this machine, by one of its own names."""

from functools import lru_cache
from ipaddress import ip_address

from aiohttp import hdrs, web

from taskmanager.api.rest.problems import Problem
from taskmanager.application.principal import ANONYMOUS, Permission, Principal


class LoopbackGate:
    """Implements `Gate` for a service that listens on loopback alone and asks nobody who they are.

    A page of another site can have its name lead to 127.0.0.1 (DNS rebinding), and would then be of the same origin as
    this interface. So a request must name an address, or a host without a domain, such as localhost.
    """

    async def admit(self, request: web.Request, permission: Permission) -> Principal:  # noqa: ARG002
        """See `Gate.admit`."""
        if not _is_local(request.headers.get(hdrs.HOST, "")):
            raise Problem(
                421,
                "nobody is asked for a token here: localhost and addresses are answered, names of a domain are not; "
                "set AUTH_MODE (none, if something else keeps others out)",
            )
        return ANONYMOUS


@lru_cache(100)
def _is_local(host: str) -> bool:
    """Whether a Host header names no domain of somebody's; only clients that are no browsers leave it out."""
    name = host.lower() if host.endswith("]") else host.lower().rsplit(":", 1)[0]
    name = name.removesuffix(".")
    if "." not in name or name.endswith(".localhost"):
        return True
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
