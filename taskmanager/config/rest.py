"""The public face over HTTP: which other origins may call it, and how its health checks behave."""

import re
from typing import ClassVar, Literal

from pydantic import ValidationInfo, field_validator

from taskmanager.config.checks import LIST_RULE, CommaSeparated
from taskmanager.config.section import Section
from taskmanager.config.variables import env

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class RestConfig(Section):
    """The REST interface; durations are in milliseconds."""

    title: ClassVar[str] = "REST"

    auth_mode: Literal["none"] | None = env(
        "AUTH_MODE", None, "Says in so many words that the interface may be open to whoever reaches it",
        allowed="none, or not set: then only a loopback APP_HOST is accepted", default_text="not set",
    )  # fmt: skip
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
        "CORS_HEADERS", ("Content-Type", "Authorization", "Idempotency-Key", "If-Match"), "Headers that they may send",
        allowed=f"header names: {LIST_RULE}",
    )  # fmt: skip
    cors_credentials: bool = env("CORS_CREDENTIALS", False, "Let them send cookies and logins; not with CORS_ORIGINS=*")

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
