"""Time that stands still until it is told to go on."""

from datetime import datetime, timedelta

from tests.builders import at


class FixedClock:
    """Implements `Clock`; begins a minute after noon, later than every message of the builders."""

    def __init__(self) -> None:
        self.time = at(60)

    def now(self) -> datetime:
        """The same time again, until `pass_seconds`."""
        return self.time

    def pass_seconds(self, seconds: float) -> None:
        """Goes on."""
        self.time += timedelta(seconds=seconds)
