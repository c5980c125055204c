"""Where PostgreSQL is, and how a connection to it behaves."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ValidationInfo, field_validator

from taskmanager.config.checks import ReadableFile
from taskmanager.config.section import Secret, Section
from taskmanager.config.variables import env

_SSL_SYNONYMS = {"true": "require", "1": "require", "yes": "require", "on": "require"} | dict.fromkeys(
    ["false", "0", "no", "off"], "disable"
)
_LONGEST_IDLE_TRANSACTION_MS = 5000
_LONGEST_LOCK_WAIT = 5.0


class DatabaseConfig(Section):
    """One PostgreSQL server; time-outs are in seconds."""

    title: ClassVar[str] = "PostgreSQL"

    host: str = env(
        "POSTGRES_HOST",
        "127.0.0.1",
        "Host name, address, or directory of the server's socket",
        allowed="one host, or an absolute path",
    )
    port: int = env("POSTGRES_PORT", 5432, "Port of the server", ge=1, le=65535)
    db: str = env("POSTGRES_DB", "taskmanager", "Name of the database")
    user: str = env("POSTGRES_USER", "taskmanager_app", "Role of the running programs; it cannot change events")
    password: Secret = env("POSTGRES_PASSWORD", None, "Password of POSTGRES_USER")
    owner_user: str = env(
        "POSTGRES_OWNER_USER",
        None,
        "Role that owns the tables and runs the migrations",
        default_text="that of POSTGRES_USER",
    )
    owner_password: Secret = env(
        "POSTGRES_OWNER_PASSWORD",
        None,
        "Password of POSTGRES_OWNER_USER",
        default_text="that of POSTGRES_USER, if the roles are the same",
    )
    ssl: Literal["disable", "require", "verify-full"] = env(
        "POSTGRES_SSL", "disable", "Encryption; verify-full also checks the server's certificate",
        allowed="disable | require | verify-full (true = require, false = disable)",
    )  # fmt: skip
    ssl_root_cert: ReadableFile | None = env(
        "POSTGRES_SSL_ROOT_CERT",
        None,
        "Certificates that verify-full trusts; needed for it",
        allowed="path of a readable file",
    )
    max_connections: int = env("POSTGRES_MAX_CONNECTIONS", 10, "Most connections of one process", ge=1, le=1000)
    idle_timeout: float = env(
        "POSTGRES_IDLE_TIMEOUT",
        300.0,
        "Pooled connections that were idle this long are closed",
        unit="seconds",
        ge=1,
        le=86_400,
    )
    connection_timeout: int = env(
        "POSTGRES_CONNECTION_TIMEOUT", 3, "Longest wait for a connection", unit="seconds", ge=2, le=60
    )
    query_timeout: float = env(
        "POSTGRES_QUERY_TIMEOUT", 30.0, "Longest that a statement may run", unit="seconds", ge=0.1, le=3600
    )
    retry_backoff: float = env(
        "POSTGRES_RETRY_BACKOFF", 0.1, "First pause before a failed call is tried again; it doubles", unit="seconds",
        ge=0.01, le=60,
    )  # fmt: skip
    max_retry_attempts: int = env(
        "POSTGRES_MAX_RETRY_ATTEMPTS", 5, "Attempts before a failing call counts as an outage", ge=1, le=100
    )
    breaker_pause: float = env(
        "POSTGRES_BREAKER_PAUSE", 2.0, "Pause of the calls to PostgreSQL after an outage was seen", unit="seconds",
        ge=0.1, le=600,
    )  # fmt: skip

    def dsn_kwargs(self, application_name: str) -> dict[str, Any]:
        """Arguments of psycopg2.connect for the running programs; the server enforces the limits, too."""
        statement = round(self.query_timeout * 1000)
        lock = round(min(self.query_timeout, _LONGEST_LOCK_WAIT) * 1000)
        limits = {
            "statement_timeout": statement,
            "lock_timeout": lock,
            # A writer that is frozen in mid-transaction must not hold the rows that its successor needs.
            "idle_in_transaction_session_timeout": min(statement, _LONGEST_IDLE_TRANSACTION_MS),
        }
        return self._connection(application_name, self.user, self.password, limits)

    def owner_dsn_kwargs(self, application_name: str) -> dict[str, Any]:
        """Arguments of psycopg2.connect for migrations; without limits of time, which a migration sets itself."""
        return self._connection(application_name, self.owner_user, self.owner_password, {})

    def _connection(self, application_name: str, user: str, password: Secret, limits: dict[str, int]) -> dict[str, Any]:
        # Without the check of the client, a statement whose client has vanished still commits (PostgreSQL 14+).
        options = limits | {"client_connection_check_interval": 200}
        optional = {
            "password": password.get_secret_value() if password else None,
            "sslrootcert": self.ssl_root_cert,
        }
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.db,
            "user": user,
            "sslmode": self.ssl,
            "connect_timeout": self.connection_timeout,
            "application_name": application_name,
            "target_session_attrs": "read-write",
            "keepalives": 1,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        } | {name: value for name, value in optional.items() if value is not None}

    @field_validator("host")
    @classmethod
    def _one_host(cls, host: str) -> str:
        if Path(host).is_absolute():
            return host
        if "," in host or any(character.isspace() for character in host):
            raise ValueError("must be one host: with a list, connecting can hang at the first that does not answer")
        return host

    @field_validator("owner_user", mode="before")
    @classmethod
    def _same_user(cls, owner: object, info: ValidationInfo) -> object:
        return info.data.get("user", "") if owner is None else owner

    @field_validator("owner_password", mode="before")
    @classmethod
    def _same_password(cls, password: object, info: ValidationInfo) -> object:
        same = info.data.get("owner_user") == info.data.get("user")
        return info.data.get("password") if password is None and same else password

    @field_validator("ssl", mode="before")
    @classmethod
    def _ssl_mode(cls, mode: object) -> object:
        text = str(mode).strip().lower()
        if text in {"prefer", "allow"}:
            raise ValueError(
                f"{text} is refused, because it is unsafe and can hang; choose disable | require | verify-full"
            )
        return _SSL_SYNONYMS.get(text, text)

    @field_validator("ssl_root_cert")
    @classmethod
    def _needed_to_verify(cls, path: str | None, info: ValidationInfo) -> str | None:
        if path is None and info.data.get("ssl") == "verify-full":
            raise ValueError("is needed for POSTGRES_SSL=verify-full; name the file of the trusted certificates")
        return path
