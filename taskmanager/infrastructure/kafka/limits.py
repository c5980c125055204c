"""How large a message a topic takes."""

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

log = structlog.get_logger(__name__)

# What brokers take unless they are told otherwise.
_DEFAULT_BYTES = 1_048_588
_REFUSED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)


class LimitUnknown(Exception):  # noqa: N818
    """The brokers did not answer, or there is no such topic."""


def message_limit(admin: AdminClient, topic: str, *, timeout: float) -> int:
    """The topic's `max.message.bytes`; Kafka's default where we may not know it. Blocks; raises `LimitUnknown`."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        future = admin.describe_configs([resource], request_timeout=timeout)[resource]
        return int(future.result(timeout + 1)["max.message.bytes"].value)
    except KafkaException as error:
        if error.args[0].code() in _REFUSED:
            log.warning("topic_limit_not_readable: assuming Kafka's default", topic=topic, limit=_DEFAULT_BYTES)
            return _DEFAULT_BYTES
        raise LimitUnknown(error.args[0].str()) from error
    except (TimeoutError, KeyError, ValueError, TypeError) as error:
        raise LimitUnknown(f"{type(error).__name__} {error}".strip()) from error
