"""supervisord's listener protocol, spoken byte by byte."""

import asyncio

import pytest

from taskmanager.programs.guard.listener import ProtocolError, state_changes
from taskmanager.programs.guard.verdict import StateChange


def event(name: str, payload: str) -> bytes:
    header = f"ver:3.0 server:supervisor serial:21 pool:guard poolserial:10 eventname:{name} len:{len(payload)}\n"
    return (header + payload).encode()


def reader_of(*chunks: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    for chunk in chunks:
        reader.feed_data(chunk)
    reader.feed_eof()
    return reader


EXITED = event(
    "PROCESS_STATE_EXITED", "processname:api-00 groupname:taskmanager from_state:RUNNING expected:0 pid:2766"
)
FATAL = event("PROCESS_STATE_FATAL", "processname:consumer-01 groupname:taskmanager from_state:BACKOFF")


async def test_each_event_is_acknowledged_after_it_was_handled() -> None:
    sent: list[bytes] = []
    seen = [(change, list(sent)) async for change in state_changes(reader_of(EXITED, FATAL), sent.append)]
    assert seen == [
        (StateChange("api-00", "EXITED"), [b"READY\n"]),
        (StateChange("consumer-01", "FATAL"), [b"READY\n", b"RESULT 2\nOK", b"READY\n"]),
    ]
    assert sent == [b"READY\n", b"RESULT 2\nOK"] * 2 + [b"READY\n"]


async def test_events_of_other_kinds_are_acknowledged_and_passed_over() -> None:
    sent: list[bytes] = []
    changes = [change async for change in state_changes(reader_of(event("TICK_5", "when:1201063880")), sent.append)]
    assert changes == []
    assert sent == [b"READY\n", b"RESULT 2\nOK", b"READY\n"]


async def test_it_ends_when_supervisord_is_gone_in_the_middle_of_an_event() -> None:
    changes = [change async for change in state_changes(reader_of(EXITED[:-5]), lambda _: None)]
    assert changes == []


async def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(ProtocolError, match="no header of an event"):
        [change async for change in state_changes(reader_of(b"hello\n"), lambda _: None)]
