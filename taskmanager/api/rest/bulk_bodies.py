"""The bodies and queries of the routes for operations on many tasks, as they are read and described."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from taskmanager.application.bulk_model import BulkAction, Operation, OperationState, Preview, Selection
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import EMAIL_MAX, METADATA_MAX_KEYS, METADATA_VALUE_MAX

IDS_MAX = 1000
_HOST_MAX = 260
_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

_Moment = Annotated[datetime, Meta(tz=True)]
_Id = Annotated[str, Meta(pattern=_UUID)]


class BulkFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which tasks are meant: those that satisfy everything that is given. To mean every task, say `"all": true`."""

    status: (
        Annotated[list[TaskStatus], Meta(min_length=1, max_length=10, description="Tasks in one of these statuses.")]
        | UnsetType
    ) = UNSET
    user_email: (
        Annotated[
            str, Meta(min_length=3, max_length=EMAIL_MAX, description="This user's.", examples=["ann@example.com"])
        ]
        | UnsetType
    ) = UNSET
    host: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=_HOST_MAX,
                description="Those whose address is on this host, with its port unless that is the default one.",
                examples=["example.com"],
            ),
        ]
        | UnsetType
    ) = UNSET
    created_after: Annotated[_Moment, Meta(description="Those created then or later.")] | UnsetType = UNSET
    created_before: Annotated[_Moment, Meta(description="Those created earlier.")] | UnsetType = UNSET
    metadata: (
        Annotated[
            dict[str, Annotated[str, Meta(max_length=METADATA_VALUE_MAX)]],
            Meta(
                min_length=1,
                max_length=METADATA_MAX_KEYS,
                description="Those with all of these labels.",
                examples=[{"campaign": "spring"}],
            ),
        ]
        | UnsetType
    ) = UNSET
    ids: Annotated[list[_Id], Meta(min_length=1, max_length=IDS_MAX, description="These tasks.")] | UnsetType = UNSET
    all: (
        Annotated[
            bool,
            Meta(
                description="Says that every task is meant, if nothing else is given.",
                extra_json_schema={"const": True},
            ),
        ]
        | UnsetType
    ) = UNSET


class BulkOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is to be done with which tasks."""

    action: Annotated[BulkAction, Meta(examples=["retry"])]
    filter: Annotated[
        BulkFilter,
        Meta(extra_json_schema={"minProperties": 1}, examples=[{"status": ["error"], "host": "example.com"}]),
    ]
    dry_run: Annotated[bool, Meta(description="Only tell how many tasks that concerns; change nothing.")] = False


class BulkPreview(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many tasks match now, and of these how many would be changed, are so already, or may not be changed.

    With `atLeast` the looking was broken off: there may be more.
    """

    matched: int
    changed: int
    unchanged: int
    refused: int
    at_least: bool


class OperationView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An operation as it stands; its counts are those of `BulkPreview`, so far.

    `notFound` is how many of the ids that were named no task matched, once that is known; `failure` why it went no
    further.
    """

    id: str
    action: BulkAction
    filter: Selection
    state: OperationState
    actor: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    matched: int
    changed: int
    unchanged: int
    refused: int
    not_found: int | None
    failure: str | None


class OperationsQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which operations are wanted."""

    limit: Annotated[int, Meta(ge=1, le=100, description="Operations on a page at most.")] = 20
    before: Annotated[
        _Id | None, Meta(description="Operations older than this one: the `next` of the page before.")
    ] = None


class OperationsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Operations, the newest first; `next` is null after the last."""

    items: list[OperationView]
    next: str | None


def preview_view(preview: Preview) -> BulkPreview:
    """What is answered of a preview."""
    tally = preview.tally
    return BulkPreview(matched=tally.matched, **tally._asdict(), at_least=not preview.is_complete)


def operation_view(operation: Operation) -> OperationView:
    """What is shown of an operation."""
    return OperationView(
        id=operation.id,
        action=operation.order.action,
        filter=operation.order.selection,
        state=operation.state,
        actor=operation.order.actor,
        created_at=operation.created_at,
        started_at=operation.started_at,
        finished_at=operation.finished_at,
        matched=operation.tally.matched,
        **operation.tally._asdict(),
        not_found=operation.not_found,
        failure=operation.failure,
    )
