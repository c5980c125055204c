"""Where requests are counted and timed."""

from typing import Protocol


class RequestMetrics(Protocol):
    """Where requests are counted."""

    def answered(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Counts an answer; no argument is text of the client's own."""
