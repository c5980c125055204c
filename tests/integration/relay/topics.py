"""Topics of one installation, and what can be read from them."""

from collections.abc import Mapping
from uuid import uuid4

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from taskmanager.devstack.topics import create_topics, delete_topics

PARTITIONS = 3


class Topics:
    """Topics whose names nobody else has; made when a test says so."""

    def __init__(self, brokers: str) -> None:
        tag = uuid4().hex[:8]
        self.requests, self.status, self.events = f"requests-{tag}", f"status-{tag}", f"events-{tag}"
        self.letters_suffix = f".dead-{tag}"
        self.brokers = brokers
        self._made: list[str] = []
        self._readers: dict[str, tuple[Consumer, list[Message]]] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings that name them."""
        return {
            "WEB_CRAWL_REQUEST_TOPIC": self.requests,
            "TASK_STATUS_TOPIC": self.status,
            "TASK_EVENTS_TOPIC": self.events,
            "DLQ_SUFFIX": self.letters_suffix,
        }

    def make(self, name: str, partitions: int = PARTITIONS, **configuration: str) -> str:
        """Makes a topic; underscores in the configuration's names stand for dots."""
        settings = {key.replace("_", "."): value for key, value in configuration.items()}
        create_topics(self.brokers, {name: partitions}, settings)
        self._made.append(name)
        return name

    def make_for_letters(self, source: str, partitions: int = PARTITIONS, **configuration: str) -> str:
        """Makes the topic for the dead letters of a topic, which itself need not be there."""
        return self.make(source + self.letters_suffix, partitions, **configuration)

    def limit(self, name: str, max_message_bytes: int) -> None:
        """Changes the largest message that a topic takes."""
        entry = ConfigEntry("max.message.bytes", str(max_message_bytes), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        admin = AdminClient({"bootstrap.servers": self.brokers})  # held until all is settled, or it would be called off
        admin.incremental_alter_configs([resource])[resource].result(10)

    def read(self, name: str) -> list[Message]:
        """What readers of committed messages have seen so far, each partition in its order."""
        if name not in self._readers:
            consumer = Consumer(
                {"bootstrap.servers": self.brokers, "group.id": "looks-only", "isolation.level": "read_committed"}
            )
            known = consumer.list_topics(name, timeout=10).topics[name].partitions
            consumer.assign([TopicPartition(name, partition, 0) for partition in known])
            self._readers[name] = consumer, []
        consumer, messages = self._readers[name]
        for message in consumer.consume(1000, 0.1):
            assert message.error() is None, message.error()
            messages.append(message)
        return messages

    def event_ids(self, name: str | None = None) -> list[str]:
        """The ids of the events on a topic."""
        return [headers_of(message)["event_id"].decode() for message in self.read(name or self.events)]

    def close(self) -> None:
        """Removes what was made."""
        for consumer, _ in self._readers.values():
            consumer.close()
        delete_topics(self.brokers, self._made)


def headers_of(message: Message) -> dict[str, bytes]:
    """The headers by name, none of which is there twice."""
    headers = message.headers() or []
    assert len(dict(headers)) == len(headers)
    return dict(headers)
