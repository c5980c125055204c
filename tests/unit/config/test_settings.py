"""What the environment may say, and how every mistake in it is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from taskmanager.config.errors import ConfigurationError
from taskmanager.config.settings import Settings, all_variables, load_settings

# Environment names are public: this list changes only together with a note for operators.
PUBLIC_NAMES = """
APP_NAME APP_VERSION APP_PORT APP_HOST GRACEFUL_SHUTDOWN_TIMEOUT REQUEST_TIMEOUT API_PROCESSES
CONSUMER_PROCESSES CONSUMER_ASSIGNMENT CONSUMER_BATCH_SIZE CONSUMER_BATCH_BYTES CONSUMER_REPLICAS POD_ORDINAL
CONSUMER_SLOTS TASK_RETRY_BACKOFF TASK_RETRY_BACKOFF_MAX HOUSEKEEPING_INTERVAL RETENTION_DAYS RETENTION_ARCHIVE_DIR
BULK_RETENTION_DAYS SYSTEM_EVENTS_INTERVAL GUARD_HANG POSTGRES_RETRY_BACKOFF POSTGRES_MAX_RETRY_ATTEMPTS
POSTGRES_BREAKER_PAUSE KAFKA_BREAKER_PAUSE
PARKED_STATUS_TTL RESULT_MAX_BYTES ALLOW_PRIVATE_URLS TASK_TIMEOUT TASK_HEARTBEAT_TIMEOUT TASK_MAX_ATTEMPTS
GUARD_MAX_EXITS GUARD_WINDOW GUARD_YOUNG POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB POSTGRES_HOST
POSTGRES_PORT POSTGRES_SSL POSTGRES_SSL_ROOT_CERT POSTGRES_MAX_CONNECTIONS POSTGRES_IDLE_TIMEOUT
POSTGRES_CONNECTION_TIMEOUT POSTGRES_QUERY_TIMEOUT POSTGRES_OWNER_USER POSTGRES_OWNER_PASSWORD KAFKA_BROKERS
KAFKA_CLIENT_ID KAFKA_GROUP_ID KAFKA_SSL_ENABLED KAFKA_SSL_CA_FILE KAFKA_SASL_ENABLED KAFKA_SASL_USERNAME
KAFKA_SASL_PASSWORD KAFKA_SASL_MECHANISM KAFKA_RETRY_BACKOFF KAFKA_MAX_RETRY_ATTEMPTS WEB_CRAWL_REQUEST_TOPIC
TASK_STATUS_TOPIC SYSTEM_EVENTS_TOPIC DLQ_SUFFIX TASK_EVENTS_TOPIC OTEL_EXPORTER_OTLP_ENDPOINT TRACING_ENABLED
TRACING_SAMPLING_RATE OTEL_LOGS_ENABLED LOG_LEVEL METRICS_ENABLED METRICS_PORT METRICS_HOST METRICS_CACHE_MS
PROMETHEUS_MULTIPROC_DIR HEALTH_CHECK_TIMEOUT_MS HEALTH_CHECK_CACHE_MS CORS_ORIGINS CORS_METHODS CORS_HEADERS
CORS_CREDENTIALS
AUTH_MODE
AUTH_JWKS_URL AUTH_JWT_ALGORITHMS AUTH_JWT_AUDIENCE AUTH_JWT_ISSUER
AUTH_JWT_ROLE_CLAIM AUTH_JWT_USER_CLAIM EVENT_STREAM_LISTENERS HTTP_BODY_TIMEOUT
HTTP_HEADER_TIMEOUT HTTP_KEEPALIVE_TIMEOUT HTTP_MAX_CONNECTIONS HTTP_MAX_CONNECTIONS_PER_ADDRESS
HTTP_SEND_TIMEOUT IDEMPOTENCY_TTL RATE_LIMIT_BURST RATE_LIMIT_PER_ADDRESS
RATE_LIMIT_PER_KEY TRUSTED_PROXIES
"""
SECRETS = ["POSTGRES_PASSWORD", "POSTGRES_OWNER_PASSWORD", "KAFKA_SASL_PASSWORD"]


def mistakes(**environ: str) -> dict[str, str]:
    """The lines of the mistakes, by variable."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    lines = {mistake.name: str(mistake) for mistake in caught.value.mistakes}
    assert len(lines) == len(caught.value.mistakes), "one line for each variable"
    assert all(f"  {line}" in str(caught.value).splitlines() for line in lines.values())
    return lines


def test_the_public_names_are_all_there_and_documented() -> None:
    assert {variable.name for variable in all_variables()} == set(PUBLIC_NAMES.split())
    assert all(variable.meaning and variable.allowed for variable in all_variables())
    assert [variable.name for variable in all_variables() if variable.secret] == SECRETS


def test_an_empty_environment_is_enough() -> None:
    settings = load_settings({})
    assert (settings.app.name, settings.app.port, settings.app.host) == ("task-manager", 3000, "127.0.0.1")
    assert (settings.app.consumer_processes, settings.app.consumer_batch_size) == (2, 2000)
    assert settings.app.result_max_bytes == 786_432
    assert settings.kafka.group_id == "task-manager-group"
    assert settings.kafka.source_topics == ("requests-web-crawl", "task-status")
    assert settings.observability.metrics_port == 9464
    assert settings.warnings == ()


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_PORT", "4000")
    assert load_settings().app.port == 4000
    assert load_settings({}).app.port == 3000


def test_empty_variables_count_as_not_set() -> None:
    settings = load_settings({variable.name: "" for variable in all_variables()} | {"POSTGRES_PASSWORD_FILE": ""})
    assert settings.app.port == 3000
    assert settings.database.password is None


def test_settings_cannot_be_changed() -> None:
    settings = load_settings({})
    with pytest.raises(AttributeError):
        settings.app = settings.app  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        settings.app.port = 1


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("APP_PORT", "abc", "a whole number from 1 to 65535"),
        ("APP_PORT", "0", "a whole number from 1 to 65535"),
        ("APP_PORT", "65536", "a whole number from 1 to 65535"),
        ("APP_PORT", "1.5", "a whole number from 1 to 65535"),
        ("APP_HOST", "a,b", "one host name or address"),
        ("APP_NAME", "a\nb", "without control characters"),
        ("APP_NAME", "\udc80", "valid UTF-8"),
        ("ALLOW_PRIVATE_URLS", "maybe", "true or false"),
        ("CONSUMER_ASSIGNMENT", "random", "pinned | group"),
        ("CONSUMER_BATCH_SIZE", "10001", "from 1 to 10000"),
        ("GRACEFUL_SHUTDOWN_TIMEOUT", "30000", "30000 looks like milliseconds; write 30"),
        ("GRACEFUL_SHUTDOWN_TIMEOUT", "inf", "a number of seconds from 1 to 600"),
        ("TRACING_SAMPLING_RATE", "nan", "a number from 0 to 1"),
        ("TRACING_SAMPLING_RATE", "1.01", "a number from 0 to 1"),
        ("RESULT_MAX_BYTES", "16777217", "a whole number of bytes from 1 to 16777216"),
        ("TASK_HEARTBEAT_TIMEOUT", "3601", "TASK_TIMEOUT, which is 3600"),
        ("GUARD_YOUNG", "61", "GUARD_WINDOW, which is 60"),
        ("POSTGRES_PORT", "tcp://10.0.0.1:5432", "enableServiceLinks: false"),
        ("POSTGRES_HOST", "one,two", "must be one host"),
        ("POSTGRES_SSL", "prefer", "can hang"),
        ("POSTGRES_SSL", "verify-ca", "disable | require | verify-full"),
        ("POSTGRES_SSL_ROOT_CERT", "/does/not/exist", "must name a file that this process may read"),
        ("KAFKA_BROKERS", "kafka", "host:port"),
        ("KAFKA_BROKERS", "kafka:9092,", "host:port"),
        ("KAFKA_BROKERS", "kafka:99999", "host:port"),
        ("KAFKA_SASL_MECHANISM", "GSSAPI", "PLAIN | SCRAM-SHA-256 | SCRAM-SHA-512"),
        ("TASK_STATUS_TOPIC", "no spaces", "a Kafka topic name"),
        ("TASK_STATUS_TOPIC", "..", "a Kafka topic name"),
        ("TASK_STATUS_TOPIC", "x" * 250, "a Kafka topic name"),
        ("TASK_STATUS_TOPIC", "requests-web-crawl", "must differ from WEB_CRAWL_REQUEST_TOPIC"),
        ("TASK_EVENTS_TOPIC", "requests-web-crawl", "must differ from WEB_CRAWL_REQUEST_TOPIC"),
        ("SYSTEM_EVENTS_TOPIC", "task-status", "must differ from TASK_STATUS_TOPIC"),
        ("DLQ_SUFFIX", "-" * 245, "a Kafka topic name"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "an http or https URL"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host:99999", "an http or https URL"),
        ("LOG_LEVEL", "loud", "debug | info | warning | error | critical"),
        ("METRICS_PORT", "3000", "must differ from APP_PORT"),
        ("HEALTH_CHECK_TIMEOUT_MS", "1", "a whole number of milliseconds from 50 to 60000"),
        ("CORS_ORIGINS", "example.com", "no origin"),
        ("CORS_METHODS", "GET POST", "separate the names by commas"),
        ("CORS_HEADERS", "a:b", "no name of HTTP"),
    ],
)
def test_a_mistake_is_told_with_name_value_and_remedy(name: str, value: str, remedy: str) -> None:
    lines = mistakes(**{name: value})
    assert list(lines) == [name]
    assert lines[name].startswith(f"{name}={value[:80]!r}")
    assert remedy in lines[name]
    assert lines[name].isprintable()


def test_every_number_refuses_what_is_out_of_its_bounds() -> None:
    numbers = [variable.name for variable in all_variables() if " from " in variable.allowed]
    assert len(numbers) > 25
    for value in ("-1", "99999999999"):
        assert set(numbers) <= set(mistakes(**dict.fromkeys(numbers, value)))


def test_all_mistakes_of_all_sections_are_told_at_once() -> None:
    bad = dict.fromkeys(["APP_PORT", "POSTGRES_PORT", "KAFKA_BROKERS", "LOG_LEVEL", "CORS_ORIGINS"], "x")
    lines = mistakes(**bad, TASK_STATUS_TOPIC="requests-web-crawl")
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"KAFKA_SASL_ENABLED": "true", "KAFKA_SASL_PASSWORD": "hidden"}, "KAFKA_SASL_USERNAME"),
        ({"KAFKA_SASL_ENABLED": "true", "KAFKA_SASL_USERNAME": "me"}, "KAFKA_SASL_PASSWORD"),
        ({"POSTGRES_SSL": "verify-full"}, "POSTGRES_SSL_ROOT_CERT"),
        ({"RETENTION_DAYS": "90"}, "RETENTION_ARCHIVE_DIR"),
    ],
)
def test_what_another_setting_needs_is_told_to_be_missing(environ: dict[str, str], name: str) -> None:
    lines = mistakes(**environ)
    assert list(lines) == [name]
    assert lines[name].startswith(f"{name} (not set): is needed for ")


def test_there_are_slots_for_all_processes_that_are_asked_for() -> None:
    assert load_settings({}).app.consumer_slots == 16
    assert load_settings({"CONSUMER_PROCESSES": "20"}).app.consumer_slots == 20


def test_credentials_are_not_for_all_origins() -> None:
    assert "CORS_CREDENTIALS" in mistakes(CORS_ORIGINS="*", CORS_CREDENTIALS="true")


def test_a_dead_letter_topic_must_not_be_a_topic_in_use() -> None:
    assert (
        "'a-dlq'" in mistakes(WEB_CRAWL_REQUEST_TOPIC="a", SYSTEM_EVENTS_TOPIC="a-dlq", DLQ_SUFFIX="-dlq")["DLQ_SUFFIX"]
    )


def test_a_login_in_an_address_is_not_told() -> None:
    line = mistakes(OTEL_EXPORTER_OTLP_ENDPOINT="https://me:hidden@collector")["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert "hidden" not in line
    assert "***@collector" in line


@pytest.mark.parametrize(
    ("name", "value", "read", "expected"),
    [
        ("POSTGRES_SSL", "true", lambda s: s.database.ssl, "require"),
        ("POSTGRES_SSL", "FALSE", lambda s: s.database.ssl, "disable"),
        ("POSTGRES_SSL", "Require", lambda s: s.database.ssl, "require"),
        ("POSTGRES_HOST", "/run/postgresql", lambda s: s.database.host, "/run/postgresql"),
        ("LOG_LEVEL", "WARN", lambda s: s.observability.log_level, "warning"),
        ("KAFKA_SASL_MECHANISM", "scram-sha-256", lambda s: s.kafka.sasl_mechanism, "SCRAM-SHA-256"),
        ("KAFKA_BROKERS", "a:1, [::1]:2", lambda s: s.kafka.brokers, "a:1,[::1]:2"),
        ("TASK_STATUS_TOPIC", "states", lambda s: s.kafka.task_events_topic, "states"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/", lambda s: s.observability.otel_exporter_otlp_endpoint, "http://c:4318"),
        ("CORS_ORIGINS", "https://a.example, http://b.example:81", lambda s: len(s.rest.cors_origins), 2),
        ("CORS_METHODS", "get,Post", lambda s: s.rest.cors_methods, ("GET", "POST")),
        ("REQUEST_TIMEOUT", "0.5", lambda s: s.app.request_timeout, 0.5),
    ],
)  # fmt: skip
def test_values_are_brought_into_one_form(
    name: str, value: str, read: Callable[[Settings], object], expected: object
) -> None:
    assert read(load_settings({name: value})) == expected


def test_a_readable_certificate_is_enough_to_verify(tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.write_text("certificate")
    settings = load_settings({"POSTGRES_SSL": "verify-full", "POSTGRES_SSL_ROOT_CERT": str(certificate)})
    assert settings.database.dsn_kwargs("x")["sslrootcert"] == str(certificate)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("KAFKA_BROKER", "KAFKA_BROKERS"),
        ("POSTGRES_PASSWRD", "POSTGRES_PASSWORD"),
        ("CONSUMER_PROCESS", "CONSUMER_PROCESSES"),
        ("POSTGRES_PASSWORD_FIL", "POSTGRES_PASSWORD_FILE"),
    ],
)
def test_a_name_that_looks_misspelt_is_a_warning_without_its_value(name: str, meant: str) -> None:
    (warning,) = load_settings({name: "hidden"}).warnings
    assert warning == f"{name} is not a known variable; {meant} was probably meant"


@pytest.mark.parametrize(
    "name", ["KAFKA_HEAP_OPTS", "KAFKA_PORT_9092_TCP_ADDR", "APP_PROT", "PATH", "POSTGRES_PASSWORD"]
)
def test_names_that_are_known_or_far_off_are_no_warning(name: str) -> None:
    assert load_settings({name: "value"}).warnings == ()
