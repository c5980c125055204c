"""The headers that requests may and answers do carry, as OpenAPI describes them."""

from typing import Any

Json = dict[str, Any]

REQUEST_HEADERS: dict[str, Json] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Names this request: sent again with the same key and body it takes effect once and is answered "
        "the same; with another body it is refused (422).",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "description": "The version that the change is meant for, as `ETag` told it; 412 where the task has moved on.",
        "schema": {"type": "string", "examples": ['"3"']},
    },
    "Last-Event-ID": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The sequence of the last event that was received: the stream goes on behind it.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    },
    "traceparent": {
        "name": "traceparent",
        "in": "header",
        "description": "W3C Trace Context of the caller; it is kept with the events. One that is not valid is ignored.",
        "schema": {"type": "string"},
    },
    "tracestate": {
        "name": "tracestate",
        "in": "header",
        "description": "Goes with `traceparent`.",
        "schema": {"type": "string"},
    },
    "X-Correlation-ID": {
        "name": "X-Correlation-ID",
        "in": "header",
        "description": "Kept on the events that come of the request, unless its body names a correlationId.",
        "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"},
    },
}
_RETRY_AFTER: Json = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}}
_LOCATION: Json = {"Location": {"description": "Where it is found.", "schema": {"type": "string"}}}

ANSWER_HEADERS: dict[int, Json] = {
    201: _LOCATION,
    202: _LOCATION,
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
