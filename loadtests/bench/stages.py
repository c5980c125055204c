"""What each stage of a consumer costs by itself, on the messages of the run."""

import gc
from collections.abc import Sequence
from datetime import UTC, datetime
from time import process_time

from loadtests.bench.traffic import Message
from taskmanager.api.kafka.codec import Codec
from taskmanager.application.batch import Batch
from taskmanager.application.changes import Changes
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.decide import Decision
from taskmanager.application.ports import Snapshot
from taskmanager.infrastructure.postgres.copying import copy_rows

_BATCH = 2000


def cpu_by_stage(messages: Sequence[Message], topic: str) -> dict[str, float]:
    """Microseconds of CPU per request: bytes to command, command to entity and event, event to COPY's text."""
    gc.freeze()  # what the benchmark itself holds is no part of a consumer
    codec = Codec(request_topic=topic, topic_ids={topic: "bench"}, own_name="bench")
    spent = dict.fromkeys(("decode", "decide", "rows"), 0.0)
    for low in range(0, len(messages), _BATCH):
        inbound = [
            InboundMessage(topic, 0, low + index, 0, message.key.encode(), list(message.headers), message.value)
            for index, message in enumerate(messages[low : low + _BATCH])
        ]
        began = process_time()
        commands = [codec.decode(message) for message in inbound]
        decoded = process_time()
        batch = Batch(inbound, commands, {Partition(topic, 0): low}, {topic: "bench"})
        now = datetime.now(UTC)
        changes = Changes(now, batch.progress(now))
        Decision(Snapshot({}, {}), changes).decide(inbound, commands)
        decided = process_time()
        copy_rows(changes)
        spent["decode"] += decoded - began
        spent["decide"] += decided - decoded
        spent["rows"] += process_time() - decided
    return {stage: seconds / len(messages) * 1e6 for stage, seconds in spent.items()}
