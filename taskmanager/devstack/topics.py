"""Topics for the demo, tests and benchmarks."""

from collections.abc import Collection, Mapping
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

_SECONDS = 15.0


def create_topics(brokers: str, partitions: Mapping[str, int], configuration: Mapping[str, str] | None = None) -> None:
    """Create each topic with its number of partitions, all with the same configuration.

    Returns when the broker serves them. Raises KafkaException, also if one of them exists.
    """
    _create(brokers, partitions, configuration, ignore=frozenset())


def ensure_topics(brokers: str, partitions: Mapping[str, int], configuration: Mapping[str, str] | None = None) -> None:
    """Create the topics that are missing; one that exists is left as it is, whatever its partitions."""
    _create(brokers, partitions, configuration, ignore=frozenset({KafkaError.TOPIC_ALREADY_EXISTS}))


def delete_topics(brokers: str, names: Collection[str]) -> None:
    """Delete the topics, those that do not exist silently passed over."""
    if not names:
        return
    for future in _client(brokers).delete_topics(list(names), operation_timeout=_SECONDS).values():
        _settle(future, frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART}))


def _create(
    brokers: str, partitions: Mapping[str, int], configuration: Mapping[str, str] | None, ignore: frozenset[int]
) -> None:
    if not partitions:
        return
    topics = [
        NewTopic(name, num_partitions=count, replication_factor=1, config=dict(configuration or {}))
        for name, count in partitions.items()
    ]
    for future in _client(brokers).create_topics(topics, operation_timeout=_SECONDS).values():
        _settle(future, ignore)


def _settle(future: Future[None], ignore: frozenset[int]) -> None:
    try:
        future.result(timeout=_SECONDS)
    except KafkaException as error:
        if error.args[0].code() not in ignore:
            raise


def _client(brokers: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": brokers, "socket.timeout.ms": int(_SECONDS * 1000)})
