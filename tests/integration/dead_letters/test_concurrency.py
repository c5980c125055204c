"""Several operators, consumers and a failing network at the same letters."""

import asyncio
import random
from collections.abc import Callable

import orjson
import pytest

from taskmanager.application.commands import InboundMessage
from taskmanager.application.dead_letter_model import LetterFilter
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases.dead_letters.message_edit import MessageEdit
from taskmanager.infrastructure.postgres import task_store
from tests.builders import task_id
from tests.fakes.batches import numbered
from tests.fakes.messages import body, report, request
from tests.integration.dead_letters.conftest import Operator
from tests.integration.ingest.proxy import Fault, FaultyProxy
from tests.integration.ingest.writers import Writer
from tests.scratch import ScratchDatabase

_Operator = Callable[..., Operator]
_Writer = Callable[[], Writer]
_Findings = Callable[[], dict[str, list[str]]]
_SOUND = MessageEdit(value=orjson.dumps(body()))
_STATES = "select id, state from dead_letters order by id"


async def test_operators_at_once_replay_each_letter_once(
    operator: _Operator, writer: _Writer, findings: _Findings, database: ScratchDatabase
) -> None:
    await writer().receive(numbered([request(b"{", id=task_id(number)) for number in range(60)]))
    orders = [random.Random(seed).sample(range(1, 61), 60) for seed in range(3)]

    async def one_by_one(someone: Operator, order: list[int]) -> list[str]:
        words = []
        for low in range(0, 60, 7):
            words += [result.word for result in await someone.replay.by_id(order[low : low + 7], someone.name, _SOUND)]
        return words

    answers = await asyncio.gather(
        *(one_by_one(operator(name), order) for name, order in zip(("ann", "bob", "cy"), orders, strict=True))
    )
    words = [word for answer in answers for word in answer]

    assert (words.count("created"), words.count("already_replayed")) == (60, 120)
    assert len([answer for answer in answers if "created" in answer]) > 1
    assert database.value("select count(*) from task_events") == 60
    assert database.value("select count(*) from dead_letter_actions") == 60
    assert findings() == {}


@pytest.mark.parametrize("seed", [1, 2])
async def test_operators_and_consumers_at_the_same_tasks_keep_history_whole(
    operator: _Operator, writer: _Writer, findings: _Findings, database: ScratchDatabase, seed: int
) -> None:
    drawn = random.Random(seed)
    names = [task_id(number) for number in range(30)]
    kinds = [
        lambda name: request(id=name),
        lambda name: request(b"{", id=name),
        lambda name: report("started", id=name),
        lambda name: report("completed", b"{", id=name),
        lambda name: report("completed", id=name),
    ]
    first = [drawn.choice(kinds)(drawn.choice(names))._replace(partition=drawn.randrange(2)) for _ in range(300)]
    messages = numbered(
        first + [drawn.choice(kinds)(drawn.choice(names))._replace(partition=drawn.randrange(2)) for _ in range(300)]
    )
    await (consumer := writer()).receive(messages[:300])
    everything = MessageEdit(value=orjson.dumps(body() | {"result": "r"}))

    async def consume(share: list[InboundMessage], by: Writer) -> None:
        for low in range(0, len(share), 20):
            await by.receive(share[low : low + 20])

    async def replay(someone: Operator) -> int:
        effects = 0
        letters, last_id = await someone.reader.extent(LetterFilter())
        assert letters > 50
        for low in range(1, last_id + 1, 10):
            wish = someone.replay.matching(LetterFilter(), someone.name, everything, up_to=low + 9)
            effects += sum([sum(result.outcome is not None for result in results) async for results in wish])
        return effects

    rest = messages[300:]
    effects, others, *_ = await asyncio.gather(
        replay(operator("ann")),
        replay(operator("bob")),
        *(consume([message for message in rest if message.partition == number], writer()) for number in range(2)),
    )
    while await consumer.sweep():
        pass

    assert effects + others == database.value("select count(*) from dead_letters where state = 'replayed'")
    replays = "select count(*), count(distinct letter_id) from dead_letter_actions where action = 'replay'"
    assert database.run(replays) == [(effects + others, effects + others)]
    assert findings() == {}


@pytest.mark.parametrize(("fault", "is_committed"), [(Fault.CUT_AFTER, True), (Fault.CUT_BEFORE, False)])
async def test_a_commit_without_an_answer_is_found_out(
    operator: _Operator, writer: _Writer, proxy: FaultyProxy, findings: _Findings, database: ScratchDatabase,
    monkeypatch: pytest.MonkeyPatch, fault: Fault, is_committed: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(task_store, "_SETTLE_PAUSES", (0.001,))
    await writer().receive([request(b"{")])
    ann = operator(through={"port": proxy.port, "sslmode": "disable", "gssencmode": "disable"})
    proxy.inject(fault)
    (answer,) = await asyncio.gather(ann.replay.by_id([1], "ann", _SOUND), return_exceptions=True)

    assert proxy.happened == {fault: 1}
    assert isinstance(answer, StoreUnavailable) is not is_committed
    assert database.run(_STATES) == [(1, "replayed" if is_committed else "open")]
    (again,) = await ann.replay.by_id([1], "ann", _SOUND)
    assert again.word == ("already_replayed" if is_committed else "created")
    assert database.value("select count(*) from task_events") == 1
    assert findings() == {}
