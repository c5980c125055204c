"""What becomes a dead letter, and why."""

import pytest

from taskmanager.application.commands import InboundMessage, Reject
from taskmanager.application.dead_letters import DeadLetterReason
from tests.builders import task_id
from tests.fakes.messages import body, codec, report, request
from tests.fakes.poison import POISON

# Decided where the store is known: by the one that ingests a batch, and by the one that clears away old parked reports.
_NOT_OF_THE_MESSAGE = {DeadLetterReason.REFUSED_BY_DATABASE, DeadLetterReason.UNKNOWN_TASK}


@pytest.mark.parametrize(("reason", "poison"), POISON.values(), ids=POISON.keys())
def test_poison_gets_its_reason(reason: DeadLetterReason, poison: InboundMessage) -> None:
    command = codec().decode(poison)

    assert isinstance(command, Reject)
    assert command.reason is reason


def test_every_reason_that_a_message_can_give_is_among_the_poison() -> None:
    assert {reason for reason, _ in POISON.values()} == set(DeadLetterReason) - _NOT_OF_THE_MESSAGE


@pytest.mark.parametrize("secret", ["s3cret@nowhere", "s3cret"])
def test_the_detail_never_quotes_the_message(secret: str) -> None:
    poison = [
        request(body(userEmail=secret)),
        request(body(originalUrl=secret)),
        request(body(metadata={"a": {secret: 1}})),
        request(f'{{"{secret}": 1, "{secret}": 2}}'.encode()),
        request(f"{secret}".encode()),
        request(id=secret),
        request(headers={"timestamp": secret}),
        report(secret),
    ]

    details = [command.detail for command in map(codec().decode, poison) if isinstance(command, Reject)]

    assert len(details) == len(poison)
    assert not [detail for detail in details if secret in detail]


def test_a_dead_letter_names_the_task_where_the_message_does() -> None:
    decoded = codec().decode(report("completed", b"{"))

    assert isinstance(decoded, Reject)
    assert decoded.task_id == task_id()


def test_a_dead_letter_names_no_task_where_the_id_is_what_is_wrong() -> None:
    decoded = codec().decode(report("completed", id="42"))

    assert isinstance(decoded, Reject)
    assert decoded.task_id is None
