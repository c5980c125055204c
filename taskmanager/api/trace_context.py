"""W3C Trace Context as it is kept with events: https://www.w3.org/TR/trace-context/"""

import re

TRACESTATE_MAX = 512
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
).fullmatch


def is_traceparent(text: str) -> bool:
    """Whether it names a trace; what does not is dropped, never an error."""
    return _TRACEPARENT(text) is not None


def is_tracestate(text: str) -> bool:
    """Whether it can be kept; it is of no use without a traceparent."""
    return len(text) <= TRACESTATE_MAX and text.isascii() and text.isprintable()
