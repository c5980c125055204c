"""The public face over HTTP: what it asks of its clients, which other origins may call it, how its health checks go."""

import re
from ipaddress import ip_network
from typing import ClassVar

from pydantic import ValidationInfo, field_validator

from taskmanager.config.checks import LIST_RULE, CommaSeparated
from taskmanager.config.section import Section
from taskmanager.config.variables import env

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
# All that the interface minds and a page has to ask leave for.
_HEADERS = (
    "Content-Type", "Authorization", "X-API-Key", "Idempotency-Key", "If-Match", "Last-Event-ID", "X-Correlation-ID",
    "X-Request-ID", "traceparent", "tracestate",
)  # fmt: skip
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class RestConfig(Section):
    """The REST interface; durations of health checks are in milliseconds, all others in seconds."""

    title: ClassVar[str] = "REST"

    health_check_timeout_ms: int = env(
        "HEALTH_CHECK_TIMEOUT_MS", 2000, "Longest that one health check may take", unit="milliseconds", ge=50, le=60_000
    )
    health_check_cache_ms: int = env(
        "HEALTH_CHECK_CACHE_MS",
        1000,
        "How long the outcome of a health check is given again",
        unit="milliseconds",
        ge=0,
        le=60_000,
    )
    event_stream_listeners: int = env(
        "EVENT_STREAM_LISTENERS", 2000, "Live event streams that one API process serves at a time", ge=1, le=20_000
    )
    cors_origins: CommaSeparated = env(
        "CORS_ORIGINS", (), "Origins whose pages may call the interface", default_text="none",
        allowed="* or scheme://host[:port], several separated by commas",
    )  # fmt: skip
    cors_methods: CommaSeparated = env(
        "CORS_METHODS",
        ("GET", "POST", "PUT", "DELETE", "OPTIONS"),
        "Methods that they may use",
        allowed=f"HTTP methods: {LIST_RULE}",
    )
    cors_headers: CommaSeparated = env(
        "CORS_HEADERS", _HEADERS, "Headers that they may send", allowed=f"header names: {LIST_RULE}",
    )  # fmt: skip
    cors_credentials: bool = env("CORS_CREDENTIALS", False, "Let them send cookies and logins; not with CORS_ORIGINS=*")

    http_header_timeout: float = env(
        "HTTP_HEADER_TIMEOUT", 10.0, "Longest wait for the head of a request, from a connection's or the head's start",
        unit="seconds", ge=0.1, le=600,
    )  # fmt: skip
    http_body_timeout: float = env(
        "HTTP_BODY_TIMEOUT", 20.0, "Longest wait for the body of a request", unit="seconds", ge=0.1, le=600
    )
    http_send_timeout: float = env(
        "HTTP_SEND_TIMEOUT", 30.0, "Longest that a client may leave an answer unread", unit="seconds", ge=0.1, le=600
    )
    http_keepalive_timeout: float = env(
        "HTTP_KEEPALIVE_TIMEOUT", 75.0, "Longest that a connection stays open between two requests",
        unit="seconds", ge=1, le=3600,
    )  # fmt: skip
    http_max_connections: int = env(
        "HTTP_MAX_CONNECTIONS", 10_000, "Connections that one process keeps open; the idlest gives way to a new one",
        ge=10, le=1_000_000,
    )  # fmt: skip
    http_max_connections_per_address: int = env(
        "HTTP_MAX_CONNECTIONS_PER_ADDRESS", 0, "Of them, from one address (IPv6: from one /64); 0 sets no limit",
        ge=0, le=1_000_000,
    )  # fmt: skip
    rate_limit_per_key: float = env(
        "RATE_LIMIT_PER_KEY", 0.0, "Requests a second that one process takes from a caller; 0 sets no limit",
        ge=0, le=1_000_000,
    )  # fmt: skip
    rate_limit_per_address: float = env(
        "RATE_LIMIT_PER_ADDRESS", 0.0,
        "Requests a second that one process takes from an address (IPv6: from a /64); 0 sets no limit",
        ge=0, le=1_000_000,
    )  # fmt: skip
    rate_limit_burst: float = env(
        "RATE_LIMIT_BURST",
        10.0,
        "How many seconds' worth of requests may come at once",
        unit="seconds",
        ge=0.1,
        le=3600,
    )
    trusted_proxies: CommaSeparated = env(
        "TRUSTED_PROXIES", (), "Proxies whose X-Forwarded-For names the client", default_text="none",
        allowed=f"addresses or networks such as 10.0.0.0/8: {LIST_RULE}",
    )  # fmt: skip

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ip_network(network)
            except ValueError:
                raise ValueError(f"{network!r} is no address or network; write 10.0.0.7 or 10.0.0.0/8") from None
        return networks

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin; write * or scheme://host[:port] without a path")
        return origins

    @field_validator("cors_methods", "cors_headers")
    @classmethod
    def _are_tokens(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for name in names:
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"{name!r} is no name of HTTP; separate the names by commas")
        return tuple(name.upper() for name in names) if info.field_name == "cors_methods" else names

    @field_validator("cors_credentials")
    @classmethod
    def _not_for_everybody(cls, allowed: bool, info: ValidationInfo) -> bool:
        if allowed and "*" in info.data.get("cors_origins", ()):
            raise ValueError("cannot be true with CORS_ORIGINS=*; name the origins")
        return allowed
