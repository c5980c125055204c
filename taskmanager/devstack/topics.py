"""Topics for the demo, tests and benchmarks."""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

_SECONDS = 15.0
_POLL_SECONDS = 0.02


def create_topics(brokers: str, partitions: Mapping[str, int], configuration: Mapping[str, str] | None = None) -> None:
    """Create each topic with its number of partitions, all with the same configuration.

    Returns when the broker serves them. Raises KafkaException (also if one of them exists) or TimeoutError.
    """
    _create(brokers, partitions, configuration, ignore=frozenset())


def ensure_topics(brokers: str, partitions: Mapping[str, int], configuration: Mapping[str, str] | None = None) -> None:
    """Create the topics that are missing; one that exists is left as it is, whatever its partitions.

    Returns when the broker serves them all. Raises KafkaException or TimeoutError.
    """
    _create(brokers, partitions, configuration, ignore=frozenset({KafkaError.TOPIC_ALREADY_EXISTS}))


def delete_topics(brokers: str, names: Collection[str]) -> None:
    """Delete the topics, those that do not exist silently passed over."""
    if not names:
        return
    client = _client(brokers)  # held until all is settled: without it they would be called off
    for future in client.delete_topics(list(names), operation_timeout=_SECONDS).values():
        _settle(future, frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART}))
    _wait_until(client, lambda leaders: leaders.keys().isdisjoint(names))


def _create(
    brokers: str, partitions: Mapping[str, int], configuration: Mapping[str, str] | None, ignore: frozenset[int]
) -> None:
    if not partitions:
        return
    topics = [
        NewTopic(name, num_partitions=count, replication_factor=1, config=dict(configuration or {}))
        for name, count in partitions.items()
    ]
    client = _client(brokers)  # held until all is settled: without it they would be called off
    for future in client.create_topics(topics, operation_timeout=_SECONDS).values():
        _settle(future, ignore)
    # The controller's answer comes before the broker has heard of them.
    _wait_until(client, lambda leaders: all(leaders.get(name, False) for name in partitions))


def _wait_until(client: AdminClient, holds: Callable[[Mapping[str, bool]], bool]) -> None:
    """Ask until it holds of the broker's topics, each mapped to whether all its partitions have a leader."""
    deadline = time.monotonic() + _SECONDS
    while True:
        topics = client.list_topics(timeout=_SECONDS).topics
        leaders = {
            name: topic.error is None and all(partition.leader >= 0 for partition in topic.partitions.values())
            for name, topic in topics.items()
        }
        if holds(leaders):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"the broker did not follow within {_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)


def _settle(future: Future[None], ignore: frozenset[int]) -> None:
    try:
        future.result(timeout=_SECONDS)
    except KafkaException as error:
        if error.args[0].code() not in ignore:
            raise


def _client(brokers: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": brokers, "socket.timeout.ms": int(_SECONDS * 1000)})
