"""Traces, logs and metrics: what is made of them and where they go."""

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import field_validator

from taskmanager.config.checks import HOST_RULE, Host
from taskmanager.config.section import Section
from taskmanager.config.variables import env

_ENDPOINT_RULE = "an http or https URL without user and password"


class ObservabilityConfig(Section):
    """OpenTelemetry, logs and Prometheus."""

    title: ClassVar[str] = "Observability"

    otel_exporter_otlp_endpoint: str = env(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://127.0.0.1:4318",
        "Collector that takes OTLP over HTTP",
        allowed=_ENDPOINT_RULE,
    )
    tracing_enabled: bool = env("TRACING_ENABLED", False, "Make and export traces")
    tracing_sampling_rate: float = env(
        "TRACING_SAMPLING_RATE",
        0.1,
        "Share of traces started here that are kept; the choice of a caller is followed",
        ge=0,
        le=1,
    )
    otel_logs_enabled: bool = env("OTEL_LOGS_ENABLED", False, "Export the log lines to the collector as well")
    log_level: Literal["debug", "info", "warning", "error", "critical"] = env(
        "LOG_LEVEL", "info", "Least severe lines that are written"
    )
    metrics_enabled: bool = env("METRICS_ENABLED", True, "Count, and serve the counts to Prometheus")
    metrics_host: Host = env(
        "METRICS_HOST", "127.0.0.1", "Address of the metrics endpoint; 0.0.0.0 in a container", allowed=HOST_RULE
    )
    metrics_port: int = env(
        "METRICS_PORT", 9464, "Port of the metrics endpoint; must differ from APP_PORT", ge=1, le=65535
    )
    metrics_cache_ms: int = env(
        "METRICS_CACHE_MS",
        5000,
        "How long figures read from the database are served again",
        unit="milliseconds",
        ge=0,
        le=600_000,
    )
    prometheus_multiproc_dir: str | None = env(
        "PROMETHEUS_MULTIPROC_DIR", None, "Directory that processes share their counts in; one alone needs none",
        allowed="path of a directory",
    )  # fmt: skip

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower_case(cls, level: object) -> object:
        text = str(level).strip().lower()
        return "warning" if text == "warn" else text

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _collector(cls, endpoint: str) -> str:
        try:
            parts = urlsplit(endpoint)
            usable = (
                parts.scheme in {"http", "https"}
                and bool(parts.hostname)
                and parts.port != 0
                and "@" not in parts.netloc
            )
        except ValueError:
            usable = False
        if not usable or not endpoint.isprintable() or " " in endpoint:
            raise ValueError(f"must be {_ENDPOINT_RULE}")
        return endpoint.rstrip("/")
