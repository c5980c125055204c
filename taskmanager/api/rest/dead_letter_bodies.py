"""The bodies and queries of the routes for dead letters, as they are read and described."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from taskmanager.api.rest.message_bytes import Bytes
from taskmanager.api.rest.moments import Moment
from taskmanager.application.dead_letters import DeadLetterReason

LIST_MAX = 500
REPLAY_MAX = 1000
ID_MAX = 10**18 - 1
_PARTITION_MAX = 2**31 - 1
_WHOLE_MAX = 2**53 - 1  # exact in every reader of JSON
_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

LetterId = Annotated[int, Meta(ge=1, le=ID_MAX)]
_Reasons = Annotated[
    list[DeadLetterReason], Meta(max_length=len(DeadLetterReason), description="Letters of one of these reasons.")
]
_Topic = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,249}$")]
_TaskId = Annotated[str, Meta(pattern=_UUID)]
_Zoned = Annotated[datetime, Meta(tz=True)]
_Partition = Annotated[int, Meta(ge=0, le=_PARTITION_MAX)]
# In JSON 2.0 is a whole number, too.
_Whole = Annotated[float, Meta(multiple_of=1, extra_json_schema={"type": "integer"})]


class LetterConditions(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which letters are meant: those that satisfy everything that is given."""

    reason: _Reasons = []
    topic: Annotated[_Topic | None, Meta(description="Letters of messages of this topic.")] = None
    partition: Annotated[_Partition | UnsetType, Meta(description="Of this partition.")] = UNSET
    task_id: Annotated[_TaskId | None, Meta(description="Letters that name this task.")] = None
    since: Annotated[Moment | None, Meta(description="Recorded then or later.")] = None
    until: Annotated[Moment | None, Meta(description="Recorded earlier.")] = None


class CountQuery(LetterConditions, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which letters are counted."""

    state: Annotated[Literal["open", "replayed", "discarded", "all"], Meta(description="Letters in this state.")] = (
        "all"
    )


class LettersQuery(LetterConditions, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which letters are listed."""

    state: Annotated[Literal["open", "replayed", "discarded", "all"], Meta(description="Letters in this state.")] = (
        "open"
    )
    limit: Annotated[int, Meta(ge=1, le=LIST_MAX, description="Letters on a page at most.")] = 50
    before: Annotated[
        LetterId | UnsetType, Meta(description="Letters older than this one: the `next` of the page before.")
    ] = UNSET


class DiscardQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a letter is put away."""

    why: Annotated[
        # The database takes no NUL.
        Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")] | None,
        Meta(description="A word for those who find it later."),
    ] = None


class Correction(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is put in place of parts of a message; whatever is not given stays as it was."""

    headers: Annotated[
        dict[Annotated[str, Meta(min_length=1)], Bytes],
        Meta(max_length=100, description="Each replaces the headers of its name, or is added."),
    ] = {}
    without_headers: Annotated[list[str], Meta(max_length=100, description="Headers that are removed first.")] = []
    dry_run: Annotated[bool, Meta(description="Only tell what it would come to now; change nothing.")] = False


class ReplayOrder(Correction, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How a message is replayed: `{}` as it was."""

    key: Bytes | UnsetType = UNSET
    value: Bytes | UnsetType = UNSET


class ReplayFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which open letters are meant: those that satisfy everything that is given. To mean all, say `"all": true`."""

    reason: Annotated[list[DeadLetterReason], Meta(min_length=1, max_length=len(DeadLetterReason))] | UnsetType = UNSET
    topic: _Topic | UnsetType = UNSET
    partition: Annotated[_Whole, Meta(ge=0, le=_PARTITION_MAX)] | UnsetType = UNSET
    task_id: _TaskId | UnsetType = UNSET
    since: Annotated[_Zoned, Meta(description="Recorded then or later.")] | UnsetType = UNSET
    until: Annotated[_Zoned, Meta(description="Recorded earlier.")] | UnsetType = UNSET
    all: Annotated[bool, Meta(extra_json_schema={"const": True})] | UnsetType = UNSET


class ReplayManyOrder(Correction, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which letters are replayed, and how."""

    filter: Annotated[
        ReplayFilter, Meta(extra_json_schema={"minProperties": 1}, examples=[{"reason": ["unknown_task"]}])
    ]
    limit: Annotated[_Whole, Meta(ge=1, le=REPLAY_MAX, description="The oldest so many.")] = 500
    after: Annotated[
        _Whole, Meta(ge=0, le=_WHOLE_MAX, description="Letters younger than this one: the `next` of the answer before.")
    ] = 0
