"""Where Kafka is, what the topics are called, and how a client logs in."""

import re
from typing import ClassVar, Literal

from pydantic import ValidationInfo, field_validator

from taskmanager.config.checks import TOPIC_RULE, ReadableFile, Topic, topic_name
from taskmanager.config.section import Secret, Section
from taskmanager.config.variables import env

_BROKER = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_BROKERS_RULE = "host:port, several separated by commas"


class KafkaConfig(Section):
    """One Kafka cluster; durations are in seconds."""

    title: ClassVar[str] = "Kafka"

    brokers: str = env(
        "KAFKA_BROKERS", "127.0.0.1:9092", "Brokers to ask first; they tell of the others", allowed=_BROKERS_RULE
    )
    client_id: str = env("KAFKA_CLIENT_ID", "task-manager", "How the brokers' logs and quotas know this service")
    group_id: str = env("KAFKA_GROUP_ID", "task-manager-group", "Consumer group; also where lag tools find the offsets")
    ssl_enabled: bool = env("KAFKA_SSL_ENABLED", False, "Encrypt the connections")
    ssl_ca_file: ReadableFile | None = env(
        "KAFKA_SSL_CA_FILE",
        None,
        "Certificates to trust",
        allowed="path of a readable file",
        default_text="those of the system",
    )
    sasl_enabled: bool = env("KAFKA_SASL_ENABLED", False, "Log in with user name and password")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = env(
        "KAFKA_SASL_MECHANISM", "PLAIN", "How to log in"
    )
    sasl_username: str | None = env("KAFKA_SASL_USERNAME", None, "User name; needed for KAFKA_SASL_ENABLED")
    sasl_password: Secret = env("KAFKA_SASL_PASSWORD", None, "Password; needed for KAFKA_SASL_ENABLED")
    retry_backoff: float = env(
        "KAFKA_RETRY_BACKOFF",
        0.3,
        "First pause before a failed call is tried again; it doubles",
        unit="seconds",
        ge=0.01,
        le=60,
    )
    max_retry_attempts: int = env(
        "KAFKA_MAX_RETRY_ATTEMPTS", 5, "Attempts before a failing call counts as an outage", ge=1, le=100
    )
    breaker_pause: float = env(
        "KAFKA_BREAKER_PAUSE", 5.0, "Pause of the calls to Kafka after an outage was seen", unit="seconds",
        ge=0.1, le=600,
    )  # fmt: skip

    web_crawl_request_topic: Topic = env(
        "WEB_CRAWL_REQUEST_TOPIC", "requests-web-crawl", "Requests for crawls", allowed=TOPIC_RULE
    )
    task_status_topic: Topic = env("TASK_STATUS_TOPIC", "task-status", "Reports of the workers", allowed=TOPIC_RULE)
    task_events_topic: Topic = env(
        "TASK_EVENTS_TOPIC",
        None,
        "Lifecycle events of this service",
        allowed=TOPIC_RULE,
        default_text="that of TASK_STATUS_TOPIC",
    )
    system_events_topic: Topic = env(
        "SYSTEM_EVENTS_TOPIC", "task-manager-system", "Health, metrics and errors of the processes", allowed=TOPIC_RULE
    )
    dlq_suffix: Topic = env(
        "DLQ_SUFFIX",
        ".dlq",
        "Ends the name of the topic that takes a topic's dead letters",
        allowed="a-z A-Z 0-9 . _ -",
    )

    @property
    def source_topics(self) -> tuple[str, str]:
        """The two topics that consumers read: requests, reports."""
        return self.web_crawl_request_topic, self.task_status_topic

    def dead_letter_topic(self, topic: str) -> str:
        """The topic that takes the dead letters of `topic`."""
        return topic + self.dlq_suffix

    def client_properties(self, program: str | None = None) -> dict[str, str]:
        """librdkafka's properties for any client: brokers, client id (ends in `program`), login in clear."""
        security = ("SASL_" if self.sasl_enabled else "") + ("SSL" if self.ssl_enabled else "PLAINTEXT")
        properties = {
            "bootstrap.servers": self.brokers,
            "client.id": f"{self.client_id}-{program}" if program else self.client_id,
            "security.protocol": security,
        }
        if self.ssl_enabled and self.ssl_ca_file:
            properties["ssl.ca.location"] = self.ssl_ca_file
        if self.sasl_enabled and self.sasl_username and self.sasl_password:
            properties["sasl.mechanism"] = self.sasl_mechanism
            properties["sasl.username"] = self.sasl_username
            properties["sasl.password"] = self.sasl_password.get_secret_value()
        return properties

    @field_validator("brokers")
    @classmethod
    def _host_and_port(cls, brokers: str) -> str:
        items = [item.strip() for item in brokers.split(",")]
        matches = [_BROKER.fullmatch(item) for item in items]
        if not all(match and 1 <= int(match[1]) <= 65_535 for match in matches):
            raise ValueError(f"must be {_BROKERS_RULE}")
        return ",".join(items)

    @field_validator("sasl_mechanism", mode="before")
    @classmethod
    def _upper_case(cls, mechanism: object) -> object:
        return str(mechanism).upper()

    @field_validator("sasl_username", "sasl_password")
    @classmethod
    def _needed_for_login(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.data.get("sasl_enabled"):
            raise ValueError("is needed for KAFKA_SASL_ENABLED=true")
        return value

    @field_validator("task_status_topic", "system_events_topic")
    @classmethod
    def _not_the_request_topic(cls, topic: str, info: ValidationInfo) -> str:
        if topic == info.data.get("web_crawl_request_topic"):
            raise ValueError("must differ from WEB_CRAWL_REQUEST_TOPIC")
        if info.field_name == "system_events_topic" and topic == info.data.get("task_status_topic"):
            raise ValueError("must differ from TASK_STATUS_TOPIC")
        return topic

    @field_validator("task_events_topic", mode="before")
    @classmethod
    def _same_as_status(cls, topic: object, info: ValidationInfo) -> object:
        chosen = info.data.get("task_status_topic", "unknown") if topic is None else topic
        if chosen == info.data.get("web_crawl_request_topic"):
            raise ValueError("must differ from WEB_CRAWL_REQUEST_TOPIC")
        return chosen

    @field_validator("dlq_suffix")
    @classmethod
    def _makes_free_names(cls, suffix: str, info: ValidationInfo) -> str:
        names = [name for field, name in info.data.items() if field.endswith("_topic")]
        for name in names:
            if topic_name(name + suffix) in names:
                raise ValueError(
                    f"makes {name + suffix!r} the dead-letter topic of {name!r}, but that topic has another use"
                )
        return suffix
