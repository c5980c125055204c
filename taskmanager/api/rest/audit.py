"""The audit log of refused requests; what takes effect names its actor in the event log."""

from ipaddress import ip_address, ip_network
from typing import Protocol

import structlog
from aiohttp import web

from taskmanager.api.rest.middlewares.endpoint import endpoint, method
from taskmanager.application.access import Refusal

_log = structlog.get_logger(__name__)
_IPV4_SHOWN, _IPV6_SHOWN = 24, 48


class RefusalMetrics(Protocol):
    """Where refusals are counted, those as well whose lines the log's rate limit drops."""

    def refused(self, status: int, reason: str) -> None:
        """Counts one; both are of fixed sets."""


class Audit:
    """Tells of every refusal: a count, and a line unless there were too many of its kind just now."""

    def __init__(self, metrics: RefusalMetrics) -> None:
        self._metrics = metrics

    def refused(
        self, request: web.Request, status: int, reason: Refusal, *, address: str, actor: str | None, sure: bool
    ) -> None:
        """`actor` is who it was (`sure`), or who it claims to be; the request's id is on the line by itself."""
        self._metrics.refused(status, reason.value)
        _log.warning(
            "audit",
            # One caller must not crowd out the lines of another; but those nobody knows share theirs, because they
            # could take a new name each time.
            _template=f"audit {reason} {actor}" if sure else f"audit {reason}",
            outcome="refused",
            status=status,
            reason=reason.value,
            actor=actor if sure else None,
            claimed=None if sure else actor,
            method=method(request),
            endpoint=endpoint(request),
            peer=masked(address),
        )


def masked(address: str) -> str:
    """The network that an address lies in, which tells where from without telling who."""
    try:
        parsed = ip_address(address.partition("/")[0])
    except ValueError:
        return "unknown"
    shown = _IPV4_SHOWN if parsed.version == 4 else _IPV6_SHOWN
    return str(ip_network((int(parsed) >> parsed.max_prefixlen - shown << parsed.max_prefixlen - shown, shown)))
