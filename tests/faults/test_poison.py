"""Messages that no command can be made of, each between two good ones, through the real broker."""

from base64 import b64encode
from typing import NamedTuple
from uuid import uuid4

from taskmanager.application.commands import UNREADABLE_HEADERS, InboundMessage
from taskmanager.application.dead_letters import DeadLetterReason
from tests.fakes.messages import REQUESTS
from tests.fakes.poison import POISON

from .traffic import Outbound, request
from .world import World

_LETTERS = """
select source_topic, source_offset, source_partition, reason, key, value, headers, detail
from dead_letters order by source_topic, source_offset
"""
_TASKS = """
select t.id::text from web_crawl_tasks t join task_events e on e.task_id = t.id and e.version = 1
where t.version = 1 and t.status = 'new' and e.source_topic = %s order by e.source_offset
"""
# No client of ours can be made to send these: Kafka's own time, a name that is not UTF-8.
_NOT_TO_BE_SENT = {"Kafka's timestamp out of range", "unreadable name of a header"}


class Letter(NamedTuple):
    """What must be in the table of dead letters."""

    topic: str
    offset: int
    reason: DeadLetterReason
    sent: Outbound

    def row(self) -> tuple[object, ...]:
        """As it is read back, without its detail."""
        headers = [[name, value if value is None else b64encode(value).decode()] for name, value in self.sent.headers]
        return self.topic, self.offset, 0, self.reason.value, self.sent.key, self.sent.value, headers


def outbound(topic: str, message: InboundMessage) -> Outbound:
    """The message as it is sent to the only partition."""
    key = message.key if message.key is not None else b"no id"
    return Outbound(topic, key, message.value, list(message.headers or ()), 0)


def test_each_poison_is_one_dead_letter_and_its_neighbours_are_tasks(world: World) -> None:
    letters: list[Letter] = []
    good: dict[str, list[str]] = {world.requests: [], world.status: []}
    messages: dict[str, list[Outbound]] = {world.requests: [], world.status: []}

    def add_good(topic: str) -> None:
        good[topic].append(str(uuid4()))
        sound = request(topic, good[topic][-1], len(good[topic]), partition=0)
        messages[topic].append(sound._replace(headers=[*sound.headers, ("status", b"new")]))

    for topic in messages:
        add_good(topic)
    for name, (reason, message) in POISON.items():
        if name not in _NOT_TO_BE_SENT:
            topic = world.requests if message.topic == REQUESTS else world.status
            bad = outbound(topic, message)
            letters.append(Letter(topic, len(messages[topic]), reason, bad))
            messages[topic].append(bad)
            add_good(topic)
    for stretch in messages.values():
        world.send(stretch)
    consumer = world.start("consumer")
    world.await_settled()

    rows = world.database.run(_LETTERS)
    assert [_bytes(row[:-1]) for row in rows] == sorted(letter.row() for letter in letters)
    assert all(row[-1] for row in rows), "a dead letter does not say what is wrong"
    for topic, task_ids in good.items():
        assert [task_id for (task_id,) in world.database.run(_TASKS, (topic,))] == task_ids
    assert consumer.is_alive
    document = world.verify()
    assert document["events"] == document["tasks"] == sum(map(len, good.values()))
    assert document["offsets"] == document["tasks"] + len(letters)


def test_what_is_not_sent_is_still_in_the_catalogue() -> None:
    assert POISON.keys() >= _NOT_TO_BE_SENT
    unreadable = {name for name, (_, message) in POISON.items() if message.headers is UNREADABLE_HEADERS}
    assert unreadable <= _NOT_TO_BE_SENT


def _bytes(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
