"""The bodies of the routes that change tasks, as they are read and described."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from taskmanager.api.rest.problems import FieldError
from taskmanager.domain.values import METADATA_MAX_KEYS, METADATA_VALUE_MAX, QUERY_MAX

TEXT_MAX = 255
BATCH_MAX = 1000

_Email = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=254,
        description="Whose task it is.",
        examples=["ann@example.com"],
        extra_json_schema={"format": "email"},
    ),
]
_CorrelationId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=TEXT_MAX,
        description="Kept on every event of the task. Wins over the header X-Correlation-ID.",
        examples=["order-4711"],
    ),
]


class NewTask(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A page to crawl, and what to look for there."""

    user_query: Annotated[
        str,
        Meta(min_length=1, max_length=QUERY_MAX, description="What the user asks for.", examples=["opening hours"]),
    ]
    original_url: Annotated[
        str,
        Meta(min_length=8, max_length=2048, description="Where to begin.", examples=["https://example.com/contact"]),
    ]
    user_email: _Email | None = None
    metadata: Annotated[
        dict[str, Annotated[str, Meta(max_length=METADATA_VALUE_MAX)]],
        Meta(
            max_length=METADATA_MAX_KEYS,
            description="Labels of one's own; keys of 1 to 255 printable characters.",
            examples=[{"campaign": "spring"}],
        ),
    ] = {}
    correlation_id: _CorrelationId | None = None


class NewTasks(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Tasks to be made together."""

    # Taken apart later: a list of whatever a body may hold would first be millions of objects.
    tasks: Annotated[
        msgspec.Raw,
        Meta(
            extra_json_schema={
                "type": "array",
                "minItems": 1,
                "maxItems": BATCH_MAX,
                "items": {
                    "description": "As the body of POST /api/tasks; what is wrong with one is told with its index.",
                    "anyOf": [{"$ref": "#/components/schemas/NewTask"}, {"type": "object"}],
                },
                "examples": [
                    [
                        {
                            "userEmail": "ann@example.com",
                            "userQuery": "opening hours",
                            "originalUrl": "https://example.com/contact",
                        }
                    ]
                ],
            }
        ),
    ]


class BatchQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How a batch is dealt with."""

    partial: Annotated[
        bool, Meta(description="Make those that are sound, even if others are not; else it is all or none.")
    ] = False


class BatchItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What became of one task of a batch: 201 and its id, or another status and what is wrong."""

    index: int
    status: int
    id: str | None = None
    errors: list[FieldError] = []


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a batch; `items` are in the order of its tasks."""

    created: int
    refused: int
    items: list[BatchItem]


class StatusReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What became of a task."""

    status: Annotated[
        Literal["in_progress", "started", "completed", "error", "failed", "cancelled"],
        Meta(description="`started` is another word for `in_progress`, `failed` for `error`.", examples=["completed"]),
    ]
    result: (
        Annotated[
            msgspec.Raw,
            Meta(
                description="Needed for `completed`: a text, or any JSON value (kept as its text).",
                examples=["open from 9 to 17", {"offers": 3}],
            ),
        ]
        | UnsetType
    ) = UNSET
    error: Annotated[str, Meta(description="Needed for `error`.", examples=["the page is gone"])] | None = None
    retryable: Annotated[bool, Meta(description="With `error`: whether another attempt may succeed.")] | None = None
    worker: Annotated[str, Meta(max_length=TEXT_MAX, examples=["worker-7"])] | None = None
    progress: Annotated[float, Meta(ge=0, le=1, description="With `in_progress`.")] | None = None
    attempt: (
        # In JSON 2.0 is a whole number, too.
        Annotated[
            float,
            Meta(
                ge=1,
                le=999_999_999,
                multiple_of=1,
                description="The attempt that is reported of; one that is over is refused.",
                extra_json_schema={"type": "integer"},
            ),
        ]
        | None
    ) = None
    occurred_at: (
        Annotated[datetime, Meta(tz=True, description="When it happened at the sender; now, if it is left out.")] | None
    ) = None
    correlation_id: _CorrelationId | None = None
