"""What the whole service is called, how many processes it has, and the limits of its work."""

import re
from collections.abc import Mapping
from typing import ClassVar, Literal, TypeVar

from pydantic import ValidationInfo, field_validator

from taskmanager import __version__
from taskmanager.config.checks import HOST_RULE, Host
from taskmanager.config.section import Section
from taskmanager.config.variables import display, env

# The ordinal of a StatefulSet's pod has no leading zero; the five random characters that end a Deployment's pod are no
# ordinal, and neither is the last number of an address in a name such as ip-10-0-0-7.
_STATEFULSET_POD = re.compile(r"(?!ip-\d+-\d+-\d+-\d+$)[a-z0-9][a-z0-9.-]*-(0|[1-9]\d{0,3})")

_MIB = 1024 * 1024
_Number = TypeVar("_Number", bound=float)


def pod_ordinal(hostname: str) -> int | None:
    """The ordinal that a StatefulSet gave to the pod of this name; None if the name is not of that form."""
    match = _STATEFULSET_POD.fullmatch(hostname)
    return int(match[1]) if match else None


class AppConfig(Section):
    """The service as a whole; durations are in seconds, sizes in bytes."""

    title: ClassVar[str] = "Application"

    name: str = env("APP_NAME", "task-manager", "Name of the service; the `source` of the messages that it writes")
    version: str = env(
        "APP_VERSION", __version__, "Version shown by health checks and traces", default_text="that of the package"
    )
    port: int = env("APP_PORT", 3000, "Port of the REST API", ge=1, le=65535)
    host: Host = env(
        "APP_HOST", "127.0.0.1", "Address that the REST API listens on; 0.0.0.0 in a container", allowed=HOST_RULE
    )
    graceful_shutdown_timeout: float = env(
        "GRACEFUL_SHUTDOWN_TIMEOUT",
        30.0,
        "Longest drain after SIGTERM before the process gives up",
        unit="seconds",
        ge=1,
        le=600,
    )
    request_timeout: float = env(
        "REQUEST_TIMEOUT", 30.0, "Longest a REST request may take", unit="seconds", ge=0.1, le=600
    )

    api_processes: int = env("API_PROCESSES", 1, "REST processes; they share the port", ge=1, le=64)
    consumer_processes: int = env("CONSUMER_PROCESSES", 2, "Consumer processes of this container", ge=1, le=64)
    consumer_slots: int = env(
        "CONSUMER_SLOTS", 16, "Most consumer processes that bin/scale may ask for", ge=1, le=64,
    )  # fmt: skip
    consumer_replicas: int = env("CONSUMER_REPLICAS", 1, "Containers that consume side by side", ge=1, le=1000)
    pod_ordinal: int = env(
        "POD_ORDINAL", 0, "Number of this container among them, counted from 0; must be below CONSUMER_REPLICAS",
        ge=0, le=999, default_text="the number that ends a StatefulSet pod's HOSTNAME, else 0",
    )  # fmt: skip
    consumer_assignment: Literal["pinned", "group"] = env(
        "CONSUMER_ASSIGNMENT",
        "pinned",
        "Who hands out the partitions: arithmetic on the numbers above, or Kafka's consumer group",
    )
    consumer_batch_size: int = env("CONSUMER_BATCH_SIZE", 2000, "Most messages in one transaction", ge=1, le=10_000)
    consumer_batch_bytes: int = env(
        "CONSUMER_BATCH_BYTES",
        8 * _MIB,
        "Most bytes of messages in one transaction",
        unit="bytes",
        ge=64 * 1024,
        le=64 * _MIB,
    )
    parked_status_ttl: float = env(
        "PARKED_STATUS_TTL",
        600.0,
        "How long a report waits for its task before it becomes a dead letter",
        unit="seconds",
        ge=1,
        le=604_800,
    )
    result_max_bytes: int = env(
        "RESULT_MAX_BYTES",
        786_432,
        "Largest result of a task, as text",
        unit="bytes",
        ge=1,
        le=16 * _MIB,
    )
    allow_private_urls: bool = env("ALLOW_PRIVATE_URLS", False, "Accept URLs with a private or link-local address")

    idempotency_ttl: float = env(
        "IDEMPOTENCY_TTL", 86_400.0, "How long the answer to a request with an Idempotency-Key is kept",
        unit="seconds", ge=1, le=2_592_000,
    )  # fmt: skip

    task_timeout: float = env(
        "TASK_TIMEOUT", 3600.0, "Longest that one attempt may be in progress", unit="seconds", ge=1, le=604_800
    )
    task_heartbeat_timeout: float = env(
        "TASK_HEARTBEAT_TIMEOUT", 300.0, "Longest silence of a worker, counted from its start; not above TASK_TIMEOUT",
        unit="seconds", ge=1, le=604_800,
    )  # fmt: skip
    task_max_attempts: int = env(
        "TASK_MAX_ATTEMPTS", 3, "Attempts before a task that timed out ends as an error", ge=1, le=100
    )
    task_retry_backoff: float = env(
        "TASK_RETRY_BACKOFF", 10.0, "Pause before the second attempt of a task that timed out; it doubles, with jitter",
        unit="seconds", ge=0, le=86_400,
    )  # fmt: skip
    task_retry_backoff_max: float = env(
        "TASK_RETRY_BACKOFF_MAX", 600.0, "Longest of those pauses", unit="seconds", ge=0, le=604_800
    )
    housekeeping_interval: float = env(
        "HOUSEKEEPING_INTERVAL", 5.0, "Time between two looks of the housekeeper", unit="seconds", ge=0.1, le=3600
    )
    retention_days: int = env(
        "RETENTION_DAYS", 0, "Age at which settled history is archived and removed; 0 keeps it for ever",
        unit="days", ge=0, le=36_500,
    )  # fmt: skip
    retention_archive_dir: str | None = env(
        "RETENTION_ARCHIVE_DIR", None, "Directory that takes what retention removes; needed for RETENTION_DAYS",
        allowed="path of a directory", default_text="none",
    )  # fmt: skip
    bulk_retention_days: int = env(
        "BULK_RETENTION_DAYS", 30, "How long operations on many tasks are shown after their end", unit="days",
        ge=1, le=36_500,
    )  # fmt: skip
    system_events_interval: float = env(
        "SYSTEM_EVENTS_INTERVAL", 30.0, "Time between two health events of a process; 0 sends no system events",
        unit="seconds", ge=0, le=3600,
    )  # fmt: skip

    guard_max_exits: int = env(
        "GUARD_MAX_EXITS", 5, "Unexpected early exits of one program that end the container", ge=1, le=1000
    )
    guard_window: float = env(
        "GUARD_WINDOW", 60.0, "Time in which those exits are counted", unit="seconds", ge=1, le=3600
    )
    guard_young: float = env(
        "GUARD_YOUNG",
        10.0,
        "An exit this soon after the start is early; not above GUARD_WINDOW",
        unit="seconds",
        ge=0.1,
        le=3600,
    )
    guard_hang: float = env(
        "GUARD_HANG", 60.0, "Silence after which a consumer or the relay counts as hung and is restarted",
        unit="seconds", ge=5, le=3600,
    )  # fmt: skip

    def __init__(self, environ: Mapping[str, str]) -> None:
        ordinal = pod_ordinal(environ.get("HOSTNAME", ""))
        if ordinal is not None and not environ.get("POD_ORDINAL"):
            environ = {**environ, "POD_ORDINAL": str(ordinal)}
        super().__init__(environ)

    @field_validator("pod_ordinal")
    @classmethod
    def _within_replicas(cls, ordinal: int, info: ValidationInfo) -> int:
        replicas = info.data.get("consumer_replicas")
        if replicas is not None and ordinal >= replicas:
            raise ValueError(
                f"must be below CONSUMER_REPLICAS, which is {replicas} (if not set, HOSTNAME's last number counts)"
            )
        return ordinal

    @field_validator("consumer_slots")
    @classmethod
    def _enough_slots(cls, slots: int, info: ValidationInfo) -> int:
        # CONSUMER_PROCESSES are started in any case.
        return max(slots, int(info.data.get("consumer_processes", 1)))

    @field_validator("retention_archive_dir")
    @classmethod
    def _archive_for_retention(cls, directory: str | None, info: ValidationInfo) -> str | None:
        if directory is None and info.data.get("retention_days"):
            raise ValueError("is needed for RETENTION_DAYS: nothing is removed that was not archived")
        return directory

    @field_validator("task_heartbeat_timeout")
    @classmethod
    def _within_task_timeout(cls, seconds: float, info: ValidationInfo) -> float:
        return _not_above(seconds, "TASK_TIMEOUT", info.data.get("task_timeout"))

    @field_validator("guard_young")
    @classmethod
    def _within_window(cls, seconds: float, info: ValidationInfo) -> float:
        return _not_above(seconds, "GUARD_WINDOW", info.data.get("guard_window"))


def _not_above(value: _Number, name: str, limit: float | None) -> _Number:
    if limit is not None and value > limit:
        raise ValueError(f"must not be above {name}, which is {display(limit)}")
    return value
