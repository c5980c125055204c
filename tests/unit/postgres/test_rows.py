"""Rows hold only what PostgreSQL takes, and take nothing from what they hold."""

import base64

import orjson
import pytest

from taskmanager.application.commands import Reject
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.infrastructure.postgres.rows import dead_row, dumps
from tests.fakes.messages import REQUESTS, message


def test_names_of_headers_and_details_lose_what_no_text_of_the_database_can_hold() -> None:
    sent = message(REQUESTS, b"\0\xff", headers=[("a\0\ud800ü", b"\0"), ("b", None)])
    row = orjson.loads(dumps(dead_row(sent, Reject(DeadLetterReason.INVALID_TEXT, "x\0\udfff"))))

    assert row["headers"] == [["a\\0\\ud800ü", base64.b64encode(b"\0").decode()], ["b", None]]
    assert row["detail"] == "x\\0\\udfff"
    assert base64.b64decode(row["value"]) == b"\0\xff"


@pytest.mark.parametrize("timestamp_ms", [None, 2**63 - 1, -(2**63)])
def test_a_timestamp_beyond_the_calendar_is_none(timestamp_ms: int | None) -> None:
    sent = message(REQUESTS, b"", timestamp_ms=timestamp_ms)

    assert dead_row(sent, Reject(DeadLetterReason.EMPTY_BODY, ""))["message_timestamp"] is None
