"""One line for a request that is worth one, without addresses, paths or anything else that identifies a person."""

import logging

import structlog

_log = structlog.get_logger(__name__)
# A line costs as much as a tenth of a creation. What took effect is in the event log, and all is counted.
_SLOW_SECONDS = 1.0


def log_request(method: str, endpoint: str, status: int, seconds: float) -> None:
    """Logs a request that failed or took long; the others only where the level is debug."""
    is_worth_it = status >= 400 or seconds >= _SLOW_SECONDS
    if not is_worth_it and not _log.is_enabled_for(logging.DEBUG):
        return
    (_log.info if is_worth_it else _log.debug)(
        "request answered",
        method=method,
        endpoint=endpoint,
        status=status,
        milliseconds=round(seconds * 1000, 1),
    )
