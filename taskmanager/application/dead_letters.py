"""Why a message became a dead letter; the catalogue that operators see."""

from collections.abc import Mapping
from enum import StrEnum


class DeadLetterReason(StrEnum):
    """One word for what is wrong with a message; ADVICE says what to do about each."""

    TOMBSTONE = "tombstone"
    EMPTY_BODY = "empty_body"
    INVALID_ENCODING = "invalid_encoding"
    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_KEY = "duplicate_key"
    TOO_DEEP = "too_deep"
    INVALID_TEXT = "invalid_text"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    INVALID_VALUE = "invalid_value"
    RESULT_TOO_LARGE = "result_too_large"
    INVALID_HEADER = "invalid_header"
    INVALID_ID = "invalid_id"
    MISSING_ID = "missing_id"
    MISSING_STATUS = "missing_status"
    UNKNOWN_STATUS = "unknown_status"
    INVALID_TIMESTAMP = "invalid_timestamp"
    UNSUPPORTED_TASK_TYPE = "unsupported_task_type"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_TASK = "unknown_task"
    REFUSED_BY_DATABASE = "refused_by_database"


# One sentence for whoever looks after the sender; docs/kafka.md shows the same.
ADVICE: Mapping[DeadLetterReason, str] = {
    DeadLetterReason.TOMBSTONE: "Send a body; to cancel a task, send status: cancelled with the body {}.",
    DeadLetterReason.EMPTY_BODY: "Send at least the body {}.",
    DeadLetterReason.INVALID_ENCODING: "Encode the body as UTF-8.",
    DeadLetterReason.MALFORMED_JSON: "Write the body with a JSON encoder, with NaN and infinities off.",
    DeadLetterReason.NOT_AN_OBJECT: "Wrap the value in an object.",
    DeadLetterReason.DUPLICATE_KEY: "Name each key once, in one spelling.",
    DeadLetterReason.TOO_DEEP: "Flatten the value, or send it as a text.",
    DeadLetterReason.INVALID_TEXT: "Remove NUL characters and lone surrogates; PostgreSQL cannot store them.",
    DeadLetterReason.MISSING_FIELD: "Send the member that the detail names.",
    DeadLetterReason.WRONG_TYPE: "Send the member that the detail names with the type that the table of bodies gives.",
    DeadLetterReason.INVALID_VALUE: "Correct the value; the detail names the rule that it breaks.",
    DeadLetterReason.RESULT_TOO_LARGE: "Store the text elsewhere and send its address, or raise RESULT_MAX_BYTES.",
    DeadLetterReason.INVALID_HEADER: "Correct the header that the detail names.",
    DeadLetterReason.INVALID_ID: "Send a UUID in canonical form, such as 0190f1c2-7a3b-7cde-8f01-23456789abcd.",
    DeadLetterReason.MISSING_ID: "Copy the id of the request into the header id.",
    DeadLetterReason.MISSING_STATUS: "Say in the header status what happened.",
    DeadLetterReason.UNKNOWN_STATUS: "Use a name that the table of headers lists for status.",
    DeadLetterReason.INVALID_TIMESTAMP: "Send the time as ISO 8601 with Z or an offset in the header timestamp.",
    DeadLetterReason.UNSUPPORTED_TASK_TYPE: "Send the message to the service that does tasks of this type.",
    DeadLetterReason.UNSUPPORTED_VERSION: "Send format 1.",
    DeadLetterReason.UNKNOWN_TASK: "Check the id; send or replay the request first, then replay this report.",
    DeadLetterReason.REFUSED_BY_DATABASE: "Tell the maintainers: a rule is missing in this service.",
}


def advice(reason: str) -> str:
    """What to do about a reason, also about one that a newer release has written."""
    try:
        return ADVICE[DeadLetterReason(reason)]
    except ValueError:
        return "This release does not know the reason: ask the release that wrote it."
