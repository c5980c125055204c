"""How the REST program treats clients, by its settings."""

import resource
from collections.abc import Callable

import structlog
from aiohttp import web

from taskmanager.api.rest.addresses import ClientAddresses
from taskmanager.api.rest.connections import Patience
from taskmanager.api.rest.cors import CorsPolicy
from taskmanager.api.rest.edge import Edge
from taskmanager.api.rest.endpoint import Gate
from taskmanager.api.rest.limited_gate import LimitedGate
from taskmanager.api.rest.rate_limits import TokenBuckets
from taskmanager.config.rest import RestConfig
from taskmanager.config.settings import Settings
from taskmanager.programs.http_server import HttpServer

_log = structlog.get_logger(__name__)

# Wrong keys are tried by the thousand; nobody mistypes one more often than this.
_FAILURES_PER_SECOND = 1.0
_FAILURES_SECONDS = 20.0
# What a process has open besides the connections of its clients: database, brokers, files.
_OTHER_FILES = 256


def edge(rest: RestConfig, is_draining: Callable[[], bool]) -> Edge:
    """The rules for all routes."""
    cors = None
    if rest.cors_origins:
        cors = CorsPolicy(rest.cors_origins, rest.cors_methods, rest.cors_headers, credentials=rest.cors_credentials)
    return Edge(
        body_timeout=rest.http_body_timeout,
        cors=cors,
        by_address=_buckets("address", rest.rate_limit_per_address, rest.rate_limit_burst),
        addresses=ClientAddresses(rest.trusted_proxies),
        is_draining=is_draining,
    )


def limited(gate: Gate, rest: RestConfig) -> Gate:
    """The gate, with the limit for each caller if there is one."""
    buckets = _buckets("key", rest.rate_limit_per_key, rest.rate_limit_burst)
    return LimitedGate(gate, buckets) if buckets else gate


def failed_authentications() -> TokenBuckets:
    """How often an address may fail to say who it is; this one limit cannot be switched off."""
    return TokenBuckets("authentication", rate=_FAILURES_PER_SECOND, burst=_FAILURES_SECONDS)


def http_server(application: web.Application, settings: Settings) -> HttpServer:
    """Listens for the application, as patiently as the settings say."""
    app, rest = settings.app, settings.rest
    return HttpServer(
        application,
        app.host,
        app.port,
        share_port=app.api_processes > 1,
        drain_seconds=app.graceful_shutdown_timeout / 2,
        patience=Patience(rest.http_header_timeout, rest.http_send_timeout, rest.http_keepalive_timeout),
        connections=_affordable(rest.http_max_connections),
        connections_per_address=rest.http_max_connections_per_address,
    )


def _affordable(connections: int) -> int:
    """As many of them as this process may have files open, after asking the system for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHER_FILES
    if needed <= soft or soft == resource.RLIM_INFINITY:
        return connections
    granted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if granted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    if granted >= needed:
        return connections
    fewer = max(granted - _OTHER_FILES, granted // 2)
    _log.warning("fewer connections than HTTP_MAX_CONNECTIONS: raise the limit of open files", connections=fewer)
    return fewer


def _buckets(name: str, rate: float, burst: float) -> TokenBuckets | None:
    return TokenBuckets(name, rate=rate, burst=burst) if rate else None
