"""Why a message became a dead letter; the catalogue that operators see."""

from enum import StrEnum


class DeadLetterReason(StrEnum):
    """One word for what is wrong with a message; docs/kafka.md says what to do about each."""

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
